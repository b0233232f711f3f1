import { quietHost } from '@sallyport/protocol-kit/testing'
import type { Admission, MaskPlan, Operation, Outcome, ProtocolSession, Recognition, SessionHost, Ticket } from '@sallyport/protocol-kit'
import { passThrough } from '@sallyport/protocol-kit'
import { authenticationOk, backendKeyData, int32, message, password, readyForQuery, startupMessage } from '../src/codec/encode.js'
import { FrameReader } from '../src/codec/frames.js'
import { status } from '../src/codec/types.js'
import { postgres } from '../src/index.js'

const read: Recognition = {
  effects: [{ action: 'sql.select', class: 'read', facts: {} }], action: 'sql.select', class: 'read', fingerprint: 'f', provenRead: true, alwaysAllowed: false,
  touches: { relations: [], columns: [], everything: false, opaque: false }, literals: [], detail: { statements: [] },
}
const write: Recognition = { ...read, effects: [{ action: 'sql.update', class: 'write', facts: {} }], action: 'sql.update', class: 'write', provenRead: false }

export const passAll: MaskPlan = { outputs: [], freeText: (text) => text, touchesMasked: false, passesAll: true, stream: passThrough }

/** A host without sockets: everything the session sends is kept, acknowledgements come when the test says so. Texts that begin with `w` are writes. */
export class MemoryHost {
  readonly toClient: Buffer[] = []
  readonly toTarget: Buffer[] = []
  readonly operations: Operation[] = []
  readonly outcomes: Outcome[] = []
  readonly session: ProtocolSession
  plan: MaskPlan = passAll
  acknowledgedUpTo = Infinity
  admitted = 0
  private sequence = 0
  private waiters: { readonly sequence: number; readonly resolve: () => void }[] = []

  constructor() {
    const host: SessionHost = {
      ...quietHost,
      resultBytesMax: 1000, now: () => 0, clientTls: 'none',
      send: (side, bytes) => void (side === 'client' ? this.toClient : this.toTarget).push(Buffer.from(bytes)),
      secure: () => Promise.reject(new Error('no TLS')),
      admit: async (claim) => {
        this.admitted += 1
        return { connection: claim.connection } as Admission
      },
      dial: async () => ({ host: '', port: 0, database: 'd', username: 'u', credential: undefined, tls: 'disable' }),
      opened: async () => undefined,
      random: (bytes) => Buffer.alloc(bytes, 7), cancelKey: (bytes) => Buffer.alloc(bytes, 9), requestCancel: async () => undefined,
      recognise: (text) => (text.startsWith('w') ? write : read),
      preflight: () => undefined,
      judge: (operation) => {
        this.operations.push(operation)
        this.sequence += 1
        return { kind: 'allow', ticket: { command: `c${this.sequence}`, sequence: this.sequence, startedAt: 0 } as Ticket }
      },
      acknowledged: (sequence) => sequence <= this.acknowledgedUpTo,
      whenAcknowledged: (sequence) => new Promise((resolve) => void this.waiters.push({ sequence, resolve })),
      recordInput: () => ++this.sequence,
      finish: (_, outcome) => void this.outcomes.push(outcome),
      maskPlan: () => this.plan, catalog: () => undefined, catalogChanged: () => undefined,
    }
    this.session = postgres.createSession(host)
  }

  acknowledge(sequence: number): void {
    this.acknowledgedUpTo = sequence
    const due = this.waiters.filter((waiter) => waiter.sequence <= sequence)
    this.waiters = this.waiters.filter((waiter) => waiter.sequence > sequence)
    for (const waiter of due) waiter.resolve()
  }

  /** Through the log-in, so that the next bytes are the open session's. */
  async open(): Promise<void> {
    await this.session.receive('client', startupMessage([['user', 'orders']]))
    const waiting = this.session.receive('client', password('secret'))
    await new Promise(setImmediate)
    await this.session.receive('target', Buffer.concat([authenticationOk, backendKeyData(Buffer.concat([int32(1), int32(2)])), readyForQuery(status.idle)]))
    await waiting
    this.toClient.length = 0
    this.toTarget.length = 0
  }

  client(...messages: readonly Buffer[]): void | Promise<void> {
    return this.session.receive('client', Buffer.concat(messages))
  }

  target(...messages: readonly Buffer[]): void | Promise<void> {
    return this.session.receive('target', Buffer.concat(messages))
  }
}

/** Types of the frames in what was sent. @throws MalformedFrame; answers `?` at the end for a frame that is cut. */
export const typesOf = (sent: readonly Buffer[]): string => {
  const reader = new FrameReader(() => 'whole')
  let types = ''
  for (const chunk of sent) {
    reader.feed(chunk)
    while (reader.next()) types += String.fromCharCode(reader.type)
  }
  return reader.between ? types : `${types}?`
}

export const answer = (type: string, body: Buffer = Buffer.alloc(0)): Buffer => message(type.charCodeAt(0), body)
