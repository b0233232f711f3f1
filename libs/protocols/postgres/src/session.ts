import { Refusal, type ProtocolSession, type SecuredAside, type SessionHost, type Side } from '@sallyport/protocol-kit'
import { cancelRequest, sslRequest } from './codec/encode.js'
import { Inbox } from './codec/inbox.js'
import { MalformedFrame } from './codec/malformed.js'
import { plainFatal, refusalResponse } from './errors.js'
import { ClientPump } from './session/client-pump.js'
import type { Conversation } from './session/conversation.js'
import { NoUser, UnsupportedProtocol } from './session/greet.js'
import { openSession, type Opened } from './session/open.js'
import { TargetPump } from './session/target-pump.js'
import { TargetRefused } from './upstream/index.js'

/** The client has gone, or the session is over: nothing is left to be said. */
const gone = new Refusal('target-failed', 'the session is over')

/** The target's answer to SSLRequest. */
const tlsAgreed = Buffer.from('S')

/** One PostgreSQL session of the gateway: start-up as a coroutine over both sides, then two pumps. */
export class PostgresSession implements ProtocolSession {
  private readonly clientInbox = new Inbox()
  private readonly targetInbox = new Inbox()
  private opening: Promise<void> | undefined
  private opened: Opened | undefined
  private clientPump: ClientPump | undefined
  private targetPump: TargetPump | undefined
  private over = false
  /** What the target sent right behind the hand-shake is worked off. */
  private targetLeft: void | Promise<void> = undefined

  constructor(private readonly host: SessionHost) {}

  receive(side: Side, chunk: Buffer): void | Promise<void> {
    if (this.over) return undefined
    return side === 'client' ? this.fromClient(chunk) : this.fromTarget(chunk)
  }

  private fromClient(chunk: Buffer): void | Promise<void> {
    if (this.clientPump === undefined) {
      if (this.opening === undefined) {
        this.opening = this.open()
        // Whoever waits for it sees how it ends; nobody may be waiting.
        this.opening.catch(() => undefined)
      }
      return this.handshake('client', chunk)
    }
    return this.guard('client', () => this.clientPump?.receive(chunk))
  }

  private fromTarget(chunk: Buffer): void | Promise<void> {
    if (this.targetPump === undefined) return this.handshake('target', chunk)
    return this.guard('target', () => this.targetPump?.receive(chunk))
  }

  /** Resolves when the hand-shake has used the bytes up or failed (then it rejects: the session is over). */
  private async handshake(side: Side, chunk: Buffer): Promise<void> {
    await Promise.race([(side === 'client' ? this.clientInbox : this.targetInbox).receive(chunk), this.opening])
    if (this.opened !== undefined) await (side === 'client' ? this.opening : this.targetLeft)
    else if (this.over) await this.opening
  }

  private async open(): Promise<void> {
    // The first chunk is in the inbox before anything is read from it.
    await undefined
    try {
      const opened = await openSession(this.host, this.clientInbox, this.targetInbox)
      if (opened === undefined) {
        this.over = true
        this.clientInbox.close(gone)
        throw gone
      }
      await this.begin(opened)
    } catch (error) {
      throw this.giveUp(error)
    }
  }

  /** The session is open: what both sides sent on is worked off before anything new. */
  private async begin(opened: Opened): Promise<void> {
    this.opened = opened
    this.clientPump = new ClientPump(opened.conversation)
    this.targetPump = new TargetPump(opened.conversation)
    const early = this.clientInbox.finish()
    this.targetLeft = this.targetPump.receive(this.targetInbox.finish())
    await this.targetLeft
    if (early.length > 0) await this.clientPump.receive(early)
  }

  /** Says why before the session is open; the host closes both sides. */
  private giveUp(error: unknown): Error {
    if (this.opened !== undefined) return this.fail('client', error)
    const first = !this.over
    this.over = true
    const refusal = asRefusal(error)
    if (first) this.host.send('client', farewell(error, refusal))
    this.clientInbox.close(refusal)
    this.targetInbox.close(refusal)
    return refusal
  }

  /** Runs a pump; the hot path has no promise. */
  private guard(side: Side, run: () => void | Promise<void>): void | Promise<void> {
    try {
      const pending = run()
      return pending === undefined ? undefined : pending.catch((error: unknown) => Promise.reject(this.fail(side, error)))
    } catch (error) {
      throw this.fail(side, error)
    }
  }

  /** A peer broke the protocol, or something can't be decided or recorded: FATAL, and the end. */
  private fail(side: Side, error: unknown): Error {
    const { conversation } = this
    this.over = true
    if (conversation === undefined) return asRefusal(error)
    const refusal = error instanceof MalformedFrame && side === 'target' ? new Refusal('target-failed', `the target broke the protocol: ${error.message}`) : asRefusal(error)
    conversation.fatal(refusal, error instanceof MalformedFrame ? '08P01' : undefined)
    return refusal
  }

  private get conversation(): Conversation | undefined {
    return this.opened?.conversation
  }

  end(side: Side): void | Promise<void> {
    const { conversation } = this
    if (conversation === undefined) {
      if (side === 'target') {
        this.targetInbox.close(new Refusal('target-failed', 'the target closed the connection during log-in'))
        // Whoever closes the session waits until the client has been told why.
        return this.opening
      }
      this.over = true
      this.clientInbox.close(gone)
      this.targetInbox.close(gone)
      return undefined
    }
    if (side === 'target' && !this.over && !conversation.lastWord && this.clientPump?.terminated !== true) {
      conversation.fatal(new Refusal('target-failed', 'the target closed the connection'))
    }
    this.over = true
    conversation.endAll('lost')
    return undefined
  }

  /** As libpq's PQcancelStart: encrypted where the session is. */
  cancel(): Uint8Array | SecuredAside | undefined {
    const { opened } = this
    if (opened?.targetKey === undefined || this.over || opened.conversation.holding) return undefined
    const bytes = cancelRequest(opened.targetKey)
    return opened.targetTls ? { ask: sslRequest, agreed: tlsAgreed, bytes } : bytes
  }

  terminate(refusal: Refusal): void {
    if (this.over) return
    if (this.conversation === undefined) this.host.send('client', refusalResponse(refusal, 'FATAL'))
    else this.conversation.fatal(refusal)
    this.over = true
    this.clientInbox.close(refusal)
    this.targetInbox.close(refusal)
  }
}

const asRefusal = (error: unknown): Refusal => {
  if (error instanceof Refusal) return error
  if (error instanceof TargetRefused) return error.refusal
  if (error instanceof MalformedFrame || error instanceof UnsupportedProtocol || error instanceof NoUser) return new Refusal('malformed', error.message, {}, { cause: error })
  return new Refusal('unavailable', 'the gateway failed on this session', {}, { cause: error })
}

/** The wire form: what PostgreSQL itself would say where it would, else the refusal's. */
const farewell = (error: unknown, refusal: Refusal): Buffer => {
  if (error instanceof MalformedFrame || error instanceof UnsupportedProtocol || error instanceof NoUser) return plainFatal(error.code, error.message)
  if (error instanceof TargetRefused) return plainFatal(error.error.code.startsWith('28') ? '08006' : error.error.code, error.message)
  return refusalResponse(refusal, 'FATAL')
}
