import { quietHost } from '@sallyport/protocol-kit/testing'
import { createHash, randomBytes } from 'node:crypto'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { connect as tlsConnect, TLSSocket, type SecureContext } from 'node:tls'
import type {
  Admission, CatalogSession, Claim, HoldNotice, MaskPlan, MaskQuery, Operation, Outcome, ProtocolSession, Recognition, SessionHost, Side, TargetAccess, Ticket, TlsFacts, Verdict,
} from '@sallyport/protocol-kit'
import { passThrough, Refusal } from '@sallyport/protocol-kit'
import { postgres } from '../src/index.js'

export interface Recorded {
  readonly operation: Operation
  readonly text: string
  readonly parameters: readonly (string | null)[] | undefined
  outcome?: Outcome
  readonly inputs: Buffer[]
}

export interface HostOptions {
  readonly target: TargetAccess
  readonly judge?: (operation: Operation, onHeld: (notice: HoldNotice) => void) => Refusal | undefined | Promise<Refusal | undefined>
  readonly preflight?: (recognition: Recognition, text: string) => Refusal | undefined
  readonly mask?: (query: MaskQuery) => MaskPlan | undefined
  readonly admit?: (claim: Claim) => Refusal | undefined
  /** Delay of every acknowledgement; undefined: at once. */
  readonly acknowledgeMs?: number
  readonly clientTls?: { readonly mode: 'offered' | 'required'; readonly context: SecureContext }
  readonly resultBytesMax?: number
}

export const passAll: MaskPlan = { outputs: [], freeText: (text) => text, touchesMasked: false, passesAll: true, stream: passThrough }

const secureAsClient = async (raw: Socket): Promise<TLSSocket> => {
  raw.removeAllListeners('data')
  const secured = tlsConnect({ socket: raw, rejectUnauthorized: false })
  raw.resume()
  await new Promise<void>((resolve, reject) => {
    secured.once('secureConnect', resolve)
    secured.once('error', reject)
  })
  return secured
}

const endPointOf = (socket: TLSSocket): TlsFacts => ({ serverEndPoint: createHash('sha256').update(socket.getPeerCertificate(true).raw).digest() })

/** A small host over real sockets, for the specs: one connection each way, in memory everything that the proxy would send to services. */
export class SocketHost {
  readonly commands: Recorded[] = []
  readonly claims: Claim[] = []
  readonly failures: unknown[] = []
  readonly sessions = new Set<ProtocolSession>()
  private readonly cancelKeys = new Map<string, { readonly session: ProtocolSession; readonly target: TargetAccess }>()
  private readonly sockets = new Set<Socket>()
  readonly server: Server
  sends = 0

  constructor(readonly options: HostOptions) {
    this.server = createServer((socket) => this.accept(socket))
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve))
    return (this.server.address() as AddressInfo).port
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await new Promise((resolve) => this.server.close(resolve))
  }

  private accept(raw: Socket): void {
    const { options } = this
    const sockets: { client: Socket; target: Socket | undefined } = { client: raw, target: undefined }
    let sequence = 0
    let acked = 0
    const byTicket = new Map<Ticket, Recorded>()
    const acknowledge = (number: number): void => {
      if (options.acknowledgeMs === undefined) acked = number
      else setTimeout(() => { acked = Math.max(acked, number) }, options.acknowledgeMs)
    }
    const destroy = (): void => {
      sockets.client.end()
      sockets.target?.end()
    }
    const attach = (side: Side, socket: Socket): void => {
      this.sockets.add(socket)
      socket.on('error', () => undefined)
      let working: Promise<void> | undefined
      socket.on('data', (chunk: Buffer) => {
        try {
          const pending = session.receive(side, chunk)
          if (pending === undefined) return
          socket.pause()
          working = pending.catch(() => undefined)
          pending.then(() => socket.resume(), (error: unknown) => {
            this.failures.push(error)
            destroy()
          })
        } catch (error) {
          this.failures.push(error)
          destroy()
        }
      })
      socket.on('close', () => {
        this.sockets.delete(socket)
        if (sockets[side] !== socket) return
        const ended = (): void => {
          void session.end(side)
          destroy()
        }
        // What a target said last is worked off before its end.
        if (side === 'target' && working !== undefined) void working.then(ended)
        else ended()
      })
    }
    const host: SessionHost = {
      ...quietHost,
      resultBytesMax: options.resultBytesMax ?? 65536,
      now: () => performance.now(),
      send: (side, bytes) => {
        this.sends += 1
        sockets[side]?.write(bytes)
      },
      secure: async (side) => (side === 'client' ? this.secureClient(sockets, attach) : this.secureTarget(sockets, attach)),
      clientTls: options.clientTls?.mode ?? 'none',
      admit: async (claim) => {
        this.claims.push(claim)
        const refusal = options.admit?.(claim)
        if (refusal !== undefined) throw refusal
        return { connection: claim.connection } as Admission
      },
      dial: async (_admission, database) => {
        sockets.target?.destroy()
        const socket = connect(options.target.port, options.target.host)
        sockets.target = socket
        await new Promise<void>((resolve, reject) => {
          socket.once('connect', resolve)
          socket.once('error', () => reject(new Refusal('target-unreachable', 'the target cannot be reached')))
        })
        attach('target', socket)
        return { ...options.target, database: database ?? options.target.database }
      },
      opened: async () => undefined,
      random: (bytes) => randomBytes(bytes),
      cancelKey: (bytes) => {
        const key = randomBytes(bytes)
        this.cancelKeys.set(key.toString('hex'), { session, target: options.target })
        return key
      },
      requestCancel: async (key) => {
        const found = this.cancelKeys.get(Buffer.from(key).toString('hex'))
        const request = found?.session.cancel()
        if (request === undefined || 'ask' in request) return
        await new Promise<void>((resolve) => {
          const socket = connect(options.target.port, options.target.host, () => socket.end(request))
          socket.on('close', () => resolve())
          socket.resume()
        })
      },
      recognise: (text, settings) => postgres.recognise(text, settings),
      preflight: (recognition, text) => options.preflight?.(recognition, text),
      judge: (operation, onHeld) => {
        const refusal = options.judge?.(operation, onHeld)
        const allow = (): Verdict => {
          sequence += 1
          const ticket = { command: `cmd_${this.commands.length + 1}`, sequence, startedAt: performance.now() } as Ticket
          const recorded: Recorded = { operation, text: operation.text, parameters: operation.parameters, inputs: [] }
          this.commands.push(recorded)
          byTicket.set(ticket, recorded)
          acknowledge(sequence)
          return { kind: 'allow', ticket }
        }
        const verdict = (late: Refusal | undefined): Verdict => (late === undefined ? allow() : { kind: 'refuse', refusal: late, command: 'cmd_refused' })
        return refusal instanceof Promise ? refusal.then(verdict) : verdict(refusal)
      },
      acknowledged: (number) => number <= acked,
      whenAcknowledged: async (number) => {
        while (number > acked) await new Promise((resolve) => setTimeout(resolve, 1))
      },
      recordInput: (ticket, bytes) => {
        byTicket.get(ticket)?.inputs.push(Buffer.from(bytes))
        sequence += 1
        acknowledge(sequence)
        return sequence
      },
      finish: (ticket, outcome) => {
        const recorded = byTicket.get(ticket)
        if (recorded === undefined || recorded.outcome !== undefined) this.failures.push(new Error('finished twice'))
        else recorded.outcome = outcome
      },
      maskPlan: (query) => options.mask?.(query) ?? passAll,
      catalog: (key) => this.catalog(key),
      catalogChanged: () => this.catalogAnswers.clear(),
    }
    const session = postgres.createSession(host)
    this.sessions.add(session)
    attach('client', raw)
  }

  private async secureClient(sockets: { client: Socket }, attach: (side: Side, socket: Socket) => void): Promise<TlsFacts> {
    const raw = sockets.client
    raw.removeAllListeners('data')
    raw.removeAllListeners('close')
    const secured = new TLSSocket(raw, { isServer: true, ...(this.options.clientTls === undefined ? {} : { secureContext: this.options.clientTls.context }) })
    sockets.client = secured
    raw.resume()
    await new Promise<void>((resolve, reject) => {
      secured.once('secure', resolve)
      secured.once('error', reject)
    })
    attach('client', secured)
    return { serverEndPoint: undefined }
  }

  private async secureTarget(sockets: { target: Socket | undefined }, attach: (side: Side, socket: Socket) => void): Promise<TlsFacts> {
    const raw = sockets.target as Socket
    raw.removeAllListeners('close')
    const secured = await secureAsClient(raw)
    sockets.target = secured
    attach('target', secured)
    return endPointOf(secured)
  }

  private readonly catalogAnswers = new Map<string, unknown>()
  private catalogSession: Promise<CatalogSession> | undefined

  private catalog(key: string): unknown {
    if (this.catalogAnswers.has(key)) return this.catalogAnswers.get(key)
    this.catalogSession ??= this.openCatalog()
    return this.catalogSession.then((session) => session.ask(key)).then((answer) => {
      this.catalogAnswers.set(key, answer)
      return answer
    })
  }

  private async openCatalog(): Promise<CatalogSession> {
    let socket: Socket | undefined
    const { target } = this.options
    const use = (next: Socket): void => {
      socket = next
      this.sockets.add(next)
      next.on('error', () => undefined)
      next.on('data', (chunk: Buffer) => {
        const pending = session.receive(chunk)
        if (pending === undefined) return
        next.pause()
        void pending.then(() => next.resume())
      })
    }
    const open = postgres.createCatalog?.({
      send: (bytes) => void socket?.write(bytes),
      secure: async () => {
        const secured = await secureAsClient(socket as Socket)
        use(secured)
        return endPointOf(secured)
      },
      dial: async () => {
        socket?.destroy()
        use(connect(target.port, target.host))
        return target
      },
      random: (bytes) => randomBytes(bytes),
    }, target.database)
    const session = open as CatalogSession
    await session.ready
    return session
  }
}
