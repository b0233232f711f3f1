import type { KeyObject } from 'node:crypto'
import { newId } from '@sallyport/contracts/ids'
import type { DecideReply } from '@sallyport/contracts/policy'
import { sessionEventTypes } from '@sallyport/contracts/session'
import { Refusal, type HoldNotice, type Operation, type Recognition, type Ticket, type Verdict } from '@sallyport/protocol-kit'
import type { CommandLog } from '../recording/command-log.js'
import type { Recorder } from '../recording/recorder.js'
import type { Decisions, JudgedSubject } from './decisions.js'
import { keyedDigest } from './digest.js'
import type { Holds } from './holds.js'
import { loggedParameters, requestedMembers } from './log-text.js'
import type { CompiledPlan, Plans } from './plans.js'
import { runHold, type HeldCommand } from './run-hold.js'

export interface JudgeServices {
  readonly decisions: Decisions
  readonly plans: Plans
  readonly holds: Holds
  readonly recorder: Recorder
  readonly digestKey: KeyObject
  readonly proxy: string
}

interface Known {
  readonly text: string
  readonly reply: DecideReply
  readonly plan: CompiledPlan
  readonly members: string
}

/** ROLLBACK and its like: never refused, never held. */
const always: DecideReply = { outcome: 'allow', policies: [], reason: 'undoing is always allowed', needs: [], dependsOn: [], validUntil: null, revision: -1 }
const ROOM_WAIT_MS = 5_000
const ROOM_POLL_MS = 10

/** Judges the commands of one session: decision, record, hold. A repeated command takes no round trip and no promise. */
export class SessionJudge {
  private readonly known = new WeakMap<Recognition, Known>()
  private readonly principalPart: string
  /** What is held now. */
  private readonly holding = new Set<AbortController>()
  /** Verdicts that are still being worked on. */
  private readonly pending = new Set<Promise<Verdict>>()
  private ended: Refusal | undefined

  constructor(
    private readonly services: JudgeServices,
    private readonly subject: JudgedSubject,
    private readonly log: CommandLog,
  ) {
    this.principalPart = JSON.stringify([subject.principal.uid, subject.principal.chain.map((party) => party.uid), subject.connection.name, subject.connection.revision])
  }

  judge(operation: Operation, onHeld: (notice: HoldNotice) => void, signal?: AbortSignal): Verdict | Promise<Verdict> {
    const verdict = this.judgeNow(operation, onHeld, signal)
    if (!(verdict instanceof Promise)) return verdict
    this.pending.add(verdict)
    const forget = (): void => void this.pending.delete(verdict)
    verdict.then(forget, forget)
    return verdict
  }

  private judgeNow(operation: Operation, onHeld: (notice: HoldNotice) => void, signal?: AbortSignal): Verdict | Promise<Verdict> {
    if (this.services.recorder.full) return this.judgeWhenRoom(operation, onHeld, signal)
    const reply = this.decide(operation.recognition)
    const plan = this.services.plans.planFor(this.subject, this.queryOf(operation.recognition))
    if (reply instanceof Promise || plan instanceof Promise) return this.judgeLater(operation, reply, plan, onHeld, signal)
    return this.judged(operation, reply, plan, onHeld, signal)
  }

  /** Whether a statement of this shape is denied outright; recorded only then. A hold is not a refusal. */
  preflight(recognition: Recognition, text: string): Refusal | undefined | Promise<Refusal | undefined> {
    const reply = this.decide(recognition)
    if (!(reply instanceof Promise) && reply.outcome !== 'deny') return undefined
    return (async () => {
      const answer = await Promise.resolve(reply).catch((thrown: unknown) => refusedReply(thrown))
      if (answer.outcome !== 'deny') return undefined
      const crowded = await this.whenRoom()
      if (crowded !== undefined) return crowded
      const operation: Operation = { recognition, text, input: 'none', exact: [text], holdCapMs: 0 }
      const verdict = await this.judgeLater(operation, answer, this.services.plans.planFor(this.subject, this.queryOf(recognition)), () => undefined)
      return verdict.kind === 'refuse' ? verdict.refusal : undefined
    })()
  }

  /** The client cancels or leaves: what is held is given up. Answers whether anything was. */
  cancelHold(refusal: Refusal): boolean {
    for (const abort of this.holding) abort.abort(refusal)
    return this.holding.size > 0
  }

  /**
   * The session ends: what is held is given up, and whatever is decided from now on is recorded and refused. Resolves when everything
   * that was being judged is in the record; every wait in there has a deadline.
   */
  async end(refusal: Refusal): Promise<void> {
    this.ended ??= refusal
    this.cancelHold(refusal)
    await Promise.allSettled(this.pending)
  }

  private decide(recognition: Recognition): DecideReply | Promise<DecideReply> {
    return recognition.alwaysAllowed ? always : this.services.decisions.decide(this.subject, recognition.effects)
  }

  private readonly queries = new WeakMap<Recognition, { touches: Recognition['touches']; outputs: [] }>()

  private queryOf(recognition: Recognition): { touches: Recognition['touches']; outputs: [] } {
    let query = this.queries.get(recognition)
    if (query === undefined) {
      query = { touches: recognition.touches, outputs: [] }
      this.queries.set(recognition, query)
    }
    return query
  }

  private async judgeWhenRoom(operation: Operation, onHeld: (notice: HoldNotice) => void, signal?: AbortSignal): Promise<Verdict> {
    const refusal = await this.whenRoom()
    return refusal === undefined ? this.judgeNow(operation, onHeld, signal) : { kind: 'refuse', refusal, command: newId('cmd') }
  }

  /** Resolves when events may be taken on, or with the refusal that nothing can be recorded now. */
  private async whenRoom(): Promise<Refusal | undefined> {
    const deadline = performance.now() + ROOM_WAIT_MS
    while (this.services.recorder.full) {
      if (performance.now() > deadline) return new Refusal('unavailable', 'commands can\'t be recorded now: the event store is too far behind', { remedy: 'Try again in a moment.' })
      await new Promise((resolve) => { setTimeout(resolve, ROOM_POLL_MS) })
    }
    return undefined
  }

  private async judgeLater(operation: Operation, reply: DecideReply | Promise<DecideReply>, plan: CompiledPlan | Promise<CompiledPlan>, onHeld: (notice: HoldNotice) => void, signal?: AbortSignal): Promise<Verdict> {
    const [answer, compiled] = await Promise.allSettled([reply, plan])
    if (compiled.status === 'rejected') {
      // Undoing needs no masking to be known: it reads nothing, and nothing of its text is recorded.
      if (operation.recognition.alwaysAllowed) return { kind: 'allow', ticket: this.log.ticket(this.requestUnplanned(operation, { outcome: 'allow', reason: always.reason }), 0) }
      return this.refuseUnplanned(operation, asRefusal(compiled.reason))
    }
    return this.judged(operation, answer.status === 'fulfilled' ? answer.value : refusedReply(answer.reason), compiled.value, onHeld, signal)
  }

  private judged(operation: Operation, reply: DecideReply, plan: CompiledPlan, onHeld: (notice: HoldNotice) => void, signal?: AbortSignal): Verdict | Promise<Verdict> {
    const command = newId('cmd')
    const digest = keyedDigest(this.services.digestKey, [this.principalPart, ...operation.exact])
    const parameters = loggedParameters(operation, plan)
    const sequence = this.log.requested(command, this.membersOf(operation, reply, plan), digest, parameters)
    if (this.ended !== undefined) return this.refuse(command, this.ended, reply.policies)
    if (operation.refusal !== undefined && reply.outcome !== 'deny') return this.refuse(command, operation.refusal, [])
    if (reply.outcome === 'allow') return { kind: 'allow', ticket: this.log.ticket(command, reply === always ? 0 : sequence) }
    if (reply.outcome === 'deny') return this.refuse(command, denialOf(operation, reply, command), reply.policies)
    return this.hold({ command, digest, operation, reply, plan }, onHeld, signal)
  }

  private membersOf(operation: Operation, reply: DecideReply, plan: CompiledPlan): string {
    const known = this.known.get(operation.recognition)
    if (known !== undefined && known.reply === reply && known.plan === plan && known.text === operation.text) return known.members
    const members = requestedMembers(operation, reply, plan)
    this.known.set(operation.recognition, { text: operation.text, reply, plan, members })
    return members
  }

  /** Nothing of its text may be logged when it isn't known what to mask: the record says that it came and was refused. */
  private refuseUnplanned(operation: Operation, refusal: Refusal): Verdict {
    return this.refuse(this.requestUnplanned(operation, { outcome: 'deny', reason: refusal.message }), refusal, [])
  }

  /** Answers the command's id. */
  private requestUnplanned(operation: Operation, decided: { readonly outcome: 'allow' | 'deny'; readonly reason: string }): string {
    const command = newId('cmd')
    const { recognition } = operation
    const members = JSON.stringify({
      action: recognition.action, class: recognition.class, effects: [], fingerprint: recognition.fingerprint, statement: '', statementBytes: Buffer.byteLength(operation.text),
      input: operation.input, decision: { ...decided, policies: [], revision: -1 },
    }).slice(1, -1)
    this.log.requested(command, members, keyedDigest(this.services.digestKey, [this.principalPart, ...operation.exact]), undefined)
    return command
  }

  private refuse(command: string, refusal: Refusal, policies: readonly string[]): Verdict {
    const told = new Refusal(refusal.code, refusal.message, { ...refusal.info, command, policies }, { cause: refusal })
    this.log.event(sessionEventTypes.commandRefused, command, {
      command, code: refusal.code, reason: refusal.message, policies, ...(refusal.info.approval === undefined ? {} : { approval: refusal.info.approval }),
    })
    return { kind: 'refuse', refusal: told, command }
  }

  private async hold(what: Omit<HeldCommand, 'onApproval'>, onHeld: (notice: HoldNotice) => void, signal: AbortSignal | undefined): Promise<Verdict> {
    const abort = new AbortController()
    const giveUp = (): void => abort.abort(clientCancelled())
    if (signal?.aborted === true) giveUp()
    signal?.addEventListener('abort', giveUp, { once: true })
    this.holding.add(abort)
    let approval: string | undefined
    const held: HeldCommand = { ...what, onApproval: (id) => { approval = id } }
    try {
      const ticket: Ticket = await runHold(this.services, this.subject, this.log, held, onHeld, abort.signal)
      return { kind: 'allow', ticket }
    } catch (thrown) {
      const refusal = asRefusal(thrown)
      if (abort.signal.aborted) {
        // Without an approval it had not been held yet.
        if (approval === undefined) return this.refuse(held.command, refusal, held.reply.policies)
        this.log.event(sessionEventTypes.withdrawn, held.command, { command: held.command, approval, reason: refusal.message })
        return { kind: 'refuse', refusal: new Refusal(refusal.code, refusal.message, { ...refusal.info, command: held.command }), command: held.command }
      }
      return this.refuse(held.command, refusal, held.reply.policies)
    } finally {
      signal?.removeEventListener('abort', giveUp)
      this.holding.delete(abort)
    }
  }
}

export const clientCancelled = (): Refusal => new Refusal('hold-expired', 'the client cancelled it while it was held')

const asRefusal = (thrown: unknown): Refusal =>
  thrown instanceof Refusal ? thrown : new Refusal('unavailable', 'this command could not be decided', {}, { cause: thrown })

const refusedReply = (thrown: unknown): DecideReply => ({ ...always, outcome: 'deny', reason: asRefusal(thrown).message, remedy: 'Try again in a moment.', needs: [], dependsOn: ['unavailable'] })

const denialOf = (operation: Operation, reply: DecideReply, command: string): Refusal => {
  const info = { command, policies: reply.policies, ...(reply.remedy === undefined ? {} : { remedy: reply.remedy }) }
  if (reply.dependsOn[0] === 'unavailable') return new Refusal('unavailable', reply.reason, info)
  if (operation.recognition.class === 'unrecognised') return new Refusal('unrecognised', `${reply.reason}${operation.recognition.problem === undefined ? '' : ` (${operation.recognition.problem})`}`, info)
  return new Refusal('denied', reply.reason, info)
}
