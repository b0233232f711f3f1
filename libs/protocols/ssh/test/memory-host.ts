import { Duplex } from 'node:stream'
import { quietHost } from '@sallyport/protocol-kit/testing'
import { passThrough, Refusal, type Admission, type Claim, type MaskPlan, type Operation, type Outcome, type ProtocolSession, type SessionHost, type Ticket } from '@sallyport/protocol-kit'
import ssh2, { type Client, type ConnectConfig, type Connection, type Server } from 'ssh2'
import { ssh } from '../src/index.js'
import { usableKey } from './target.js'

const plan: MaskPlan = { outputs: [], freeText: (text) => text, touchesMasked: false, passesAll: true, stream: passThrough }
const keys = Object.values(ssh.serverKeyMakers!).map((make) => make())
const targetKey = usableKey()

/** The gateway's session without sockets: a client's stream on one side, a target's on the other. The secret `right` is let in. */
export class MemoryHost {
  readonly claims: Claim[] = []
  readonly operations: Operation[] = []
  readonly outcomes: Outcome[] = []
  readonly opened: true[] = []
  /** Why the session ended itself. */
  ended: Refusal | undefined
  readonly session: ProtocolSession
  readonly client: Duplex
  readonly target: Duplex
  /** Bytes that went to a side. */
  readonly sent = { client: 0, target: 0 }
  allow = (_operation: Operation): boolean => true
  /** When what was sent to the client has gone out. */
  writable = (): Promise<void> | undefined => undefined

  constructor(serve?: (client: Connection) => void) {
    this.client = this.side('client')
    this.target = this.side('target')
    let sequence = 0
    const host: SessionHost = {
      ...quietHost,
      serverKeys: keys, options: { hostKeys: [targetKey.public.split(' ').slice(0, 2).join(' ')], forwards: true },
      send: (side, bytes) => {
        this.sent[side] += bytes.length
        this[side].push(Buffer.from(bytes))
      },
      whenWritable: (side) => (side === 'client' ? this.writable() : undefined),
      secure: () => Promise.reject(new Error('no TLS')),
      admit: async (claim) => {
        this.claims.push(claim)
        if (claim.secret !== 'right') throw new Refusal('bad-credentials', 'the token was not accepted')
        return { connection: claim.connection } as Admission
      },
      dial: async () => {
        if (serve !== undefined) targetServer(serve).injectSocket(this.target as never)
        return { host: '', port: 0, database: undefined, username: 'deploy', credential: { kind: 'password', secret: 'secret' }, tls: 'disable' }
      },
      opened: async () => void this.opened.push(true),
      random: (bytes) => Buffer.alloc(bytes, 7), cancelKey: (bytes) => Buffer.alloc(bytes, 9), requestCancel: async () => undefined,
      recognise: (text, settings) => ssh.recognise(text, settings),
      judge: (operation) => {
        this.operations.push(operation)
        sequence += 1
        return this.allow(operation) ? { kind: 'allow', ticket: { command: `c${sequence}`, sequence, startedAt: 0 } as Ticket } : { kind: 'refuse', refusal: new Refusal('denied', 'no'), command: `c${sequence}` }
      },
      recordInput: () => ++sequence,
      abandon: (refusal) => {
        if (this.ended !== undefined) return
        this.ended = refusal
        this.session.terminate(refusal)
        this.client.push(null)
        this.target.push(null)
      },
      finish: (_ticket, outcome) => void this.outcomes.push(outcome),
      maskPlan: () => plan,
    }
    this.session = ssh.createSession(host)
  }

  /** What the peer of a side reads and writes. */
  private side(side: 'client' | 'target'): Duplex {
    return new Duplex({
      read: () => undefined,
      write: (chunk: Buffer, _encoding, done) => void Promise.resolve(this.session.receive(side, chunk)).then(() => done(), () => done()),
      final: (done) => void Promise.resolve(this.session.end(side)).then(() => done(), () => done()),
    })
  }

  /** Logs in by the library's client. */
  connect(config: ConnectConfig = {}): Promise<Client> {
    const client = new ssh2.Client()
    return new Promise((resolve, reject) => {
      client.once('ready', () => resolve(client))
      client.on('error', reject)
      client.connect({ sock: this.client, username: 'build-host', password: 'right', strictVendor: false, ...config })
    })
  }
}

const targetServer = (serve: (client: Connection) => void): Server => new ssh2.Server({ hostKeys: [targetKey.private] }, (client) => {
  client.on('error', () => undefined)
  client.on('authentication', (context) => context.accept())
  serve(client)
})

