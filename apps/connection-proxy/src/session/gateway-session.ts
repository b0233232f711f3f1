import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import { newId } from '@sallyport/contracts/ids'
import { sessionEventTypes } from '@sallyport/contracts/session'
import {
  Refusal, type Admission, type Claim, type HoldNotice, type MaskPlan, type MaskQuery, type Operation, type Outcome, type ProtocolDescriptor, type ProtocolSession,
  type Recognition, type RecordedKind, type SessionHost, type Side, type TargetAccess, type Ticket, type TlsFacts, type Verdict,
} from '@sallyport/protocol-kit'
import { RefusedAdmission, type Admitted } from '../admission/admission.js'
import { clientCancelled, SessionJudge } from '../judging/session-judge.js'
import { CommandLog } from '../recording/command-log.js'
import { loggedName, loggedNames } from '../recording/logged-name.js'
import type { SessionRecord } from '../recording/session-record.js'
import { dialTarget } from '../targets/dial.js'
import { SideStream } from '../wire/side-stream.js'
import { secureAsClient, secureAsServer } from '../wire/tls.js'
import { sendAside } from './cancel-target.js'
import { scheduleFlush } from './flush-later.js'
import type { ProxyServices } from './services.js'

const CLOSE_GRACE_MS = 2_000
const SESSION_LIFE_MAX_MS = 12 * 60 * 60 * 1000
/** Results kept for replay stay well below a message of the bus. */
const RESULT_BYTES_MAX = 128 * 1024

type Phase = 'handshake' | 'open' | 'closed'
/** Which event the record of this connection began with; a request to cancel another session is no log-in and has none. */
type Begun = 'nothing' | 'refused' | 'opened' | 'cancel'

/** One client's connection: hosts its protocol session, and is the only thing that touches its sockets. */
export class GatewaySession implements SessionHost {
  readonly id = newId('ses')
  /** Called once, when it is let in. */
  onOpened: (() => void) | undefined
  private readonly client: SideStream
  private readonly target: SideStream
  private readonly protocol: ProtocolSession
  private readonly events: SessionRecord
  private readonly log: CommandLog
  private phase: Phase = 'handshake'
  private begun: Begun = 'nothing'
  /** Sockets whose TLS hand-shake is under way: they belong to no side meanwhile. */
  private readonly upgrading = new Set<Socket>()
  private clientSecured = false
  private admitted: Admitted | undefined
  private judgeOf: SessionJudge | undefined
  private database: string | undefined
  private key: Buffer | undefined
  private readonly bytes = { client: 0, target: 0 }
  private readonly handshake: NodeJS.Timeout

  constructor(
    private readonly services: ProxyServices,
    private readonly descriptor: ProtocolDescriptor,
    socket: Socket,
    private readonly onClosed: () => void,
  ) {
    this.sourceAddress = socket.remoteAddress ?? 'unknown'
    this.events = services.recorder.open(this.id)
    this.events.onHopeless = () => this.fail(new Refusal('unavailable', 'this session can no longer be recorded', { remedy: 'Connect again.' }))
    this.log = new CommandLog({
      record: this.events,
      digestKey: services.digestKey,
      acknowledgeMs: services.acknowledgeMs,
      onCarried: scheduleFlush,
      onApprovedEnd: (approval, outcome) => services.holds.reportExecuted(approval, outcome),
      onEnd: (outcome, durationMs) => {
        services.metrics.commands.inc({ outcome })
        services.metrics.seconds.observe(durationMs / 1000)
      },
    })
    this.client = this.sideStream('client')
    this.target = this.sideStream('target')
    this.protocol = descriptor.createSession(this)
    this.handshake = setTimeout(() => this.fail(new Refusal('limit', 'the log-in took too long')), descriptor.limits.handshakeTimeoutMs)
    this.client.attach(socket)
  }

  private readonly sourceAddress: string

  // ---- bytes

  now(): number {
    return performance.now()
  }

  get resultBytesMax(): number {
    return Math.min(this.admitted?.connection.spec.recording.results ?? 0, RESULT_BYTES_MAX)
  }

  get outputBytesMax(): number {
    return this.admitted?.connection.spec.recording.output ?? 0
  }

  get options(): Readonly<Record<string, unknown>> {
    return this.admitted?.connection.spec.options ?? {}
  }

  get serverKeys(): readonly string[] {
    return this.services.serverKeys.get(this.descriptor.name) ?? []
  }

  get attribution(): string {
    return `${this.id} ${this.admitted?.subject.principal.uid ?? ''}`
  }

  get clientTls(): SessionHost['clientTls'] {
    if (this.clientSecured) return 'active'
    if (this.services.tls.context === undefined) return 'none'
    return this.services.tls.required ? 'required' : 'offered'
  }

  send(side: Side, bytes: Uint8Array): void {
    this.bytes[side] += bytes.length
    this[side].write(bytes)
  }

  whenWritable(side: Side): Promise<void> | undefined {
    return this[side].whenWritable()
  }

  async secure(side: Side): Promise<TlsFacts> {
    const stream = this[side]
    if (stream.unread > 0) throw new Refusal('malformed', 'bytes came in the clear after TLS was asked for')
    const raw = stream.detach()
    if (raw === undefined) throw new Refusal('malformed', 'the connection is gone')
    this.upgrading.add(raw)
    try {
      return side === 'client' ? await this.secureClient(raw) : await this.secureTarget(raw)
    } catch (error) {
      raw.destroy()
      throw error
    } finally {
      this.upgrading.delete(raw)
    }
  }

  private async secureClient(raw: Socket): Promise<TlsFacts> {
    if (this.services.tls.context === undefined) throw new Refusal('malformed', 'this listener has no TLS')
    this.client.attach(await secureAsServer(raw, this.services.tls.context))
    this.clientSecured = true
    return { serverEndPoint: undefined }
  }

  private async secureTarget(raw: Socket): Promise<TlsFacts> {
    const { host, tls, ca } = this.connection.spec.target
    const secured = await secureAsClient(raw, host, tls, ca)
    this.target.attach(secured.socket)
    return secured.facts
  }

  random(bytes: number): Uint8Array {
    return randomBytes(bytes)
  }

  // ---- opening

  async admit(claim: Claim): Promise<Admission> {
    try {
      if (this.services.live.size >= this.services.sessionsMax) throw new Refusal('limit', 'this gateway has as many sessions as it may have', { remedy: 'Try again when others have ended, or raise SALLYPORT_SESSIONS_MAX.' })
      this.admitted = await this.services.desk.admit(claim, this.descriptor, this.sourceAddress)
    } catch (thrown) {
      const refusal = thrown instanceof RefusedAdmission ? thrown.refusal : thrown
      if (!(refusal instanceof Refusal)) throw thrown
      this.recordRefused(refusal, claim.connection, thrown instanceof RefusedAdmission ? thrown.principal : undefined)
      throw refusal
    }
    this.begun = 'nothing'
    this.events.durability = this.admitted.connection.spec.durability
    this.judgeOf = new SessionJudge(this.services, this.admitted.subject, this.log)
    return { connection: this.admitted.connection.name } as Admission
  }

  async dial(_admission: Admission, database: string | undefined): Promise<TargetAccess> {
    const { socket, access } = await dialTarget(this.connection, database, this.services.keys)
    if (this.phase === 'closed') {
      socket.destroy()
      throw new Refusal('killed', 'the session has ended')
    }
    this.target.detach()?.destroy()
    this.target.attach(socket)
    this.database = access.database
    return access
  }

  async opened(facts: { readonly database?: string; readonly targetTls: boolean; readonly client: Readonly<Record<string, string>> }): Promise<void> {
    const { subject, connection, decision } = this.admitted!
    const { host, port } = connection.spec.target
    if (facts.database !== undefined) this.database = facts.database
    if (this.services.recorder.full) throw new Refusal('unavailable', 'sessions can\'t be recorded now: the event store is too far behind', { remedy: 'Try again in a moment.' })
    const sequence = this.log.event(sessionEventTypes.opened, this.id, {
      principal: subject.principal, connection: connection.name, connectionRevision: connection.revision, protocol: this.descriptor.name, proxy: this.services.proxy,
      sourceAddress: this.sourceAddress, target: { host, port, ...(facts.database === undefined ? {} : { database: loggedName(facts.database) }) }, client: loggedNames(facts.client),
      tls: { client: this.clientSecured, target: facts.targetTls }, durability: connection.spec.durability, decision,
    })
    this.begun = 'opened'
    await this.whenAcknowledged(sequence)
    if (this.phase === 'closed') throw new Refusal('killed', 'the session has ended')
    clearTimeout(this.handshake)
    this.phase = 'open'
    this.onOpened?.()
    this.services.live.add({
      id: this.id, connection: connection.name, uid: subject.principal.uid, openedAt: new Date().toISOString(),
      endsAt: performance.now() + SESSION_LIFE_MAX_MS, kill: (refusal) => this.fail(refusal),
    })
  }

  remember(name: string, value: string): Promise<string> {
    return this.services.desk.remember(this.connection.name, name, value)
  }

  cancelKey(bytes: number): Uint8Array {
    if (this.key !== undefined) this.services.live.revokeKey(this.key)
    this.key = this.services.live.issueKey(bytes, () => this.cancel())
    return this.key
  }

  requestCancel(key: Uint8Array): Promise<void> {
    this.begun = 'cancel'
    return this.services.live.cancel(key)
  }

  private async cancel(): Promise<void> {
    if (this.judgeOf?.cancelHold(clientCancelled()) === true) return
    const bytes = this.protocol.cancel()
    if (bytes !== undefined) await sendAside(this.connection, bytes, this.services.logger)
  }

  /** Whoever ends a session means what runs in it, too: a target goes on with a command whose client is gone. */
  private cancelRunning(): void {
    const bytes = this.log.busy ? this.protocol.cancel() : undefined
    if (bytes !== undefined) void sendAside(this.connection, bytes, this.services.logger)
  }

  // ---- commands

  recognise(text: string, settings: Readonly<Record<string, string>>): Recognition | Promise<Recognition> {
    return this.services.recognise(this.descriptor, text, settings)
  }

  judge(operation: Operation, onHeld: (notice: HoldNotice) => void, signal?: AbortSignal): Verdict | Promise<Verdict> {
    return this.judgeOf!.judge(operation, onHeld, signal)
  }

  preflight(recognition: Recognition, text: string): Refusal | undefined | Promise<Refusal | undefined> {
    return this.judgeOf!.preflight(recognition, text)
  }

  acknowledged(sequence: number): boolean {
    return this.events.acknowledgedThrough >= sequence
  }

  whenAcknowledged(sequence: number): Promise<void> {
    return this.events.whenAcknowledged(sequence, this.services.acknowledgeMs)
  }

  recordInput(ticket: Ticket, bytes: Uint8Array): number {
    return this.log.input(ticket, bytes)
  }

  record(ticket: Ticket, kind: RecordedKind, bytes: Uint8Array): void {
    this.log.record(ticket, kind, bytes)
  }

  whenRecorded(ticket: Ticket): Promise<void> | undefined {
    return this.log.whenRecorded(ticket)
  }

  finish(ticket: Ticket, outcome: Outcome): void {
    this.log.finish(ticket, outcome)
  }

  maskPlan(query: MaskQuery): MaskPlan | Promise<MaskPlan> {
    const compiled = this.services.plans.planFor(this.admitted!.subject, query)
    return compiled instanceof Promise ? compiled.then(({ plan }) => plan) : compiled.plan
  }

  catalog(key: string): unknown | Promise<unknown> {
    return this.services.catalogs.of(this.descriptor, this.connection, this.database).ask(key)
  }

  catalogChanged(): void {
    this.services.catalogs.of(this.descriptor, this.connection, this.database).forget()
  }

  // ---- ending

  private get connection() {
    if (this.admitted === undefined) throw new Refusal('malformed', 'no connection was admitted')
    return this.admitted.connection
  }

  private sideStream(side: Side): SideStream {
    return new SideStream({
      deliver: (chunk) => this.protocol.receive(side, chunk),
      ended: () => void this.sideEnded(side),
      left: () => this.sideLeft(side),
      failed: (error) => this.fail(error),
      congested: (value) => (side === 'client' ? this.target : this.client).holdBack(value),
    })
  }

  private async sideEnded(side: Side): Promise<void> {
    if (this.phase === 'closed') return
    try {
      await this.protocol.end(side)
    } catch (error) {
      return this.fail(error)
    }
    this.close(side === 'client' ? 'the client ended it' : 'the target ended it')
  }

  /** Somebody left in the middle of something: a held command is given up, the rest ends with the session. */
  private sideLeft(side: Side): void {
    // What the target said last is still being worked off (perhaps why it leaves): its end follows that.
    if (side === 'target') return
    void this.judgeOf?.end(new Refusal('hold-expired', 'the client left while it was held'))
    this.close('the client left')
    // So that it takes up nothing more of what the client had sent on.
    try {
      void Promise.resolve(this.protocol.end(side)).catch(() => undefined)
    } catch (error) {
      this.services.logger.error({ session: this.id, error: String(error) }, 'a session did not end well')
    }
  }

  abandon(refusal: Refusal): void {
    this.fail(refusal)
  }

  private fail(error: unknown): void {
    if (this.phase === 'closed') return
    const refusal = error instanceof Refusal ? error : new Refusal('unavailable', 'an internal error ended this session', {}, { cause: error })
    const fault = error instanceof Refusal ? error.cause : error
    if (refusal.code === 'unavailable' && fault !== undefined && !(fault instanceof Refusal)) this.services.logger.error({ session: this.id, error: fault instanceof Error ? fault.stack : String(fault) }, 'a session failed')
    this.cancelRunning()
    try {
      this.protocol.terminate(refusal)
    } catch (thrown) {
      this.services.logger.error({ session: this.id, error: String(thrown) }, 'a session could not say why it ends')
    }
    void this.judgeOf?.end(refusal)
    if (this.phase === 'handshake' && this.begun === 'nothing') this.recordRefused(refusal, this.admitted?.connection.name, this.admitted?.subject.principal)
    if (this.begun !== 'cancel') this.services.metrics.refusals.inc({ code: refusal.code })
    this.close(refusal.message)
  }

  /** A refused log-in is a session of its own in the log, which ends with it: the client may try again on this connection. */
  private recordRefused(refusal: Refusal, connection: string | undefined, principal: Admitted['subject']['principal'] | undefined): void {
    const { recorder, logger, proxy } = this.services
    if (recorder.full) {
      // Whoever has no session yet must not be able to fill the memory while the store is away.
      logger.warn({ session: this.id, code: refusal.code, sourceAddress: this.sourceAddress }, 'a refused log-in could not be recorded')
      return
    }
    this.begun = 'refused'
    const id = newId('ses')
    const record = recorder.open(id)
    record.append(sessionEventTypes.refused, id, JSON.stringify({
      code: refusal.code, reason: loggedName(refusal.message), protocol: this.descriptor.name, proxy, sourceAddress: this.sourceAddress,
      ...(connection === undefined ? {} : { connection: loggedName(connection) }), ...(principal === undefined ? {} : { principal }),
    }))
    record.end()
    recorder.end(id)
  }

  private close(reason: string): void {
    if (this.phase === 'closed') return
    // Somebody who was let in and left before being told so: that he came is in the record.
    if (this.begun === 'nothing' && this.admitted !== undefined) this.recordRefused(new Refusal('malformed', reason), this.admitted.connection.name, this.admitted.subject.principal)
    this.phase = 'closed'
    clearTimeout(this.handshake)
    this.client.close(CLOSE_GRACE_MS)
    this.target.close(CLOSE_GRACE_MS)
    for (const socket of this.upgrading) socket.destroy()
    this.services.live.remove(this.id)
    if (this.key !== undefined) this.services.live.revokeKey(this.key)
    void this.closeRecord(reason)
  }

  /** What was being judged or worked on settles first, so that its end is in the record before the session's; nothing comes after that. */
  private async closeRecord(reason: string): Promise<void> {
    await this.judgeOf?.end(new Refusal('killed', reason))
    await new Promise((resolve) => { setImmediate(resolve) })
    try {
      this.log.loseRunning()
      if (this.begun === 'opened') {
        this.log.event(sessionEventTypes.closed, this.id, { reason: loggedName(reason), lastSequence: this.events.lastSequence + 1, commands: this.log.commands, bytesIn: this.bytes.target, bytesOut: this.bytes.client })
      }
    } catch (error) {
      this.services.logger.error({ session: this.id, error: String(error) }, 'the end of a session could not be recorded')
    }
    this.events.end()
    this.services.recorder.end(this.id)
    this.onClosed()
  }
}
