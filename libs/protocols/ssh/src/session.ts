import type { Client, Connection } from 'ssh2'
import { Refusal, type Admission, type ProtocolSession, type SessionHost, type Side } from '@sallyport/protocol-kit'
import { Authentication } from './authenticate.js'
import { serveLocalForwards, serveRemoteForwards } from './channels/forwards.js'
import { serveSessionChannel } from './channels/session-channel.js'
import { recordUnrecognised } from './channels/unrecognised.js'
import { asRefusal, disconnectReason, refusalLine } from './errors.js'
import { limits } from './limits.js'
import { optionsOf } from './options.js'
import type { Conversation } from './session/conversation.js'
import { Gate } from './session/gate.js'
import { acceptClient } from './transport/acceptor.js'
import { guard } from './transport/guards.js'
import { disconnect, isStrict } from './transport/raw.js'
import { Wire } from './transport/wire.js'
import { logIn } from './upstream/log-in.js'

/** How long whoever has said good-bye may keep the connection open. */
const GOODBYE_MS = 1_000
/** Taken from a side before it is looked whether it reads what it is answered: the library answers at once and without end. */
const UNANSWERED_BYTES_MAX = 128 * 1024

/** One SSH connection of a client is one session; what runs in its channels are its operations. */
export class SshSession implements ProtocolSession {
  private readonly clientWire: Wire
  private readonly targetWire: Wire
  private client: Connection | undefined
  private upstream: Client | undefined
  private authentication: Authentication | undefined
  private gate: Gate | undefined
  private entering: Promise<void> | undefined
  private opened = false
  private over = false
  private goodbye: NodeJS.Timeout | undefined
  private readonly taken = { client: 0, target: 0 }
  private readonly working = new Set<Promise<void>>()
  private readonly ending = new AbortController()

  constructor(private readonly host: SessionHost) {
    this.clientWire = new Wire(host, 'client', () => this.fail(new Refusal('malformed', 'no SSH version was said')), () => this.finished('client'))
    this.targetWire = new Wire(host, 'target', () => this.fail(new Refusal('target-failed', 'the target said no SSH version')), () => this.finished('target'))
    acceptClient(host.serverKeys, this.clientWire.stream, (client, software) => this.greet(client, software))
  }

  receive(side: Side, chunk: Buffer): void | Promise<void> {
    if (this.over) return undefined
    const wire = side === 'client' ? this.clientWire : this.targetWire
    if (!this.opened && wire.received + chunk.length > (side === 'client' ? limits.unauthenticatedBytesMax : limits.handshakeBytesMax)) {
      this.fail(new Refusal(side === 'client' ? 'limit' : 'target-failed', side === 'client' ? 'too much was sent before the log-in' : 'the target said too much before the log-in'))
      return undefined
    }
    const received = wire.receive(chunk)
    const answered = this.whenAnswered(side, chunk.length)
    return received === undefined || answered === undefined ? received ?? answered : Promise.all([received, answered]).then(() => undefined)
  }

  /** Whoever asks and asks and reads no answer would fill the memory: he is not read any more, either. */
  private whenAnswered(side: Side, bytes: number): Promise<void> | undefined {
    this.taken[side] += bytes
    if (this.taken[side] < UNANSWERED_BYTES_MAX) return undefined
    this.taken[side] = 0
    return this.host.whenWritable(side)
  }

  private greet(client: Connection, software: string): void {
    this.client = client
    client.on('error', (error: Error & { readonly code?: unknown }) => {
      // A number is the reason of a client that says good-bye itself.
      if (typeof error.code !== 'number') this.fail(new Refusal('malformed', 'the SSH protocol was broken', {}, { cause: error }))
    })
    guard(client, (refusal) => this.fail(refusal))
    client.on('handshake', () => {
      if (!isStrict(client)) this.fail(new Refusal('malformed', 'this client has no strict key exchange (CVE-2023-48795)', { remedy: 'Use a client of 2024 or later.' }))
    })
    this.authentication = new Authentication(this.host, client, software, (admission) => this.entered(this.enter(admission, software)), (refusal) => this.fail(refusal))
  }

  private entered(entering: Promise<void>): Promise<void> {
    this.entering = entering.catch(() => undefined)
    return entering
  }

  /** Logs in to the target and opens the session. Rejects with a Refusal. */
  private async enter(admission: Admission, software: string): Promise<void> {
    const { host } = this
    const client = this.client!
    const access = await host.dial(admission, undefined)
    const options = optionsOf(host.options)
    const upstream = await logIn(host, this.targetWire.stream, access, host.attribution, options)
    if (this.over) return
    this.upstream = upstream
    await host.opened({ targetTls: false, client: { software } })
    if (this.over) return
    this.opened = true
    upstream.on('error', (error) => this.fail(new Refusal('target-failed', 'the target broke the SSH protocol', {}, { cause: error })))
    guard(upstream, ({ message }) => this.fail(new Refusal('target-failed', `the target broke the SSH protocol: ${message}`)))
    this.gate = new Gate(host)
    this.serve({
      host, client, upstream, connection: admission.connection, username: access.username, options, gate: this.gate, ended: this.ending.signal, fail: (thrown) => this.fail(thrown), track: (work) => this.track(work),
    })
  }

  /** Must be called before the client is let in: it may ask for everything at once. */
  private serve(conversation: Conversation): void {
    recordUnrecognised(conversation)
    conversation.client.on('session', (accept) => serveSessionChannel(conversation, accept()))
    serveLocalForwards(conversation)
    serveRemoteForwards(conversation)
  }

  private track(work: Promise<void>): void {
    const settled = work.catch((thrown: unknown) => this.fail(thrown)).finally(() => this.working.delete(settled))
    this.working.add(settled)
  }

  private fail(thrown: unknown): void {
    if (!this.over) this.host.abandon(asRefusal(thrown))
  }

  /** The library has ended a side's stream: somebody said good-bye, or was cut off. */
  private finished(side: Side): void {
    if (this.over) return
    // Until the session is open, whoever logs in hears of it.
    if (side === 'target') return this.opened ? this.fail(new Refusal('target-failed', 'the target closed the connection')) : undefined
    this.goodbye ??= setTimeout(() => this.fail(new Refusal('malformed', 'the client disconnected')), GOODBYE_MS)
  }

  async end(side: Side): Promise<void> {
    if (this.over) return
    if (side === 'target') {
      this.targetWire.end()
      this.gate?.close()
      // What the target said last still goes out, or why it let nobody in.
      await this.entering
      await new Promise((resolve) => { setImmediate(resolve) })
      await Promise.all(this.working)
      this.terminate(new Refusal('target-failed', 'the target closed the connection'))
      return
    }
    this.close()
    this.clientWire.end()
    this.upstream?.end()
  }

  cancel(): undefined {
    return undefined
  }

  terminate(refusal: Refusal): void {
    if (this.over) return
    this.close()
    if (this.client !== undefined) disconnect(this.client, disconnectReason(refusal), refusalLine(refusal))
    this.upstream?.end()
    this.clientWire.destroy()
    this.targetWire.destroy()
  }

  private close(): void {
    this.over = true
    this.ending.abort()
    clearTimeout(this.goodbye)
    this.authentication?.close()
  }
}
