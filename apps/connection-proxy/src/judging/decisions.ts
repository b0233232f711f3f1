import type { Principal } from '@sallyport/contracts/identity'
import { decide, type ConnectionFacts, type DecideReply, type DecideRequest } from '@sallyport/contracts/policy'
import { RpcError } from '@sallyport/contracts/rpc'
import type { Bus } from '@sallyport/messaging'
import { Refusal, type Effect } from '@sallyport/protocol-kit'
import { askPatiently } from './ask-patiently.js'
import { BoundedMap } from './bounded-map.js'
import type { RevisionWatch } from './revision-watch.js'

/** Everything about a session that a decision may depend on. It does not change while the session lives. */
export interface JudgedSubject {
  readonly principal: Principal
  readonly connection: ConnectionFacts
  readonly sourceAddress: string
}

const ENTRIES_MAX = 20_000
const DECIDE_TIMEOUT_MS = 3_000
const EFFECTS_MAX = 64

/** Asks policy-decision, and remembers its answers under exactly the facts that were asked about. */
export class Decisions {
  private readonly answers = new BoundedMap<string, DecideReply>(ENTRIES_MAX)
  private readonly keys = new WeakMap<readonly Effect[], string>()
  private readonly subjects = new WeakMap<JudgedSubject, string>()

  constructor(
    private readonly bus: Bus,
    private readonly revisions: RevisionWatch,
  ) {}

  /** The answer at once when it is cached and still counts; else asks. Rejects with a Refusal `unavailable`. */
  decide(subject: JudgedSubject, effects: readonly Effect[]): DecideReply | Promise<DecideReply> {
    const key = this.subjectKey(subject) + this.effectsKey(effects)
    const cached = this.answers.get(key)
    if (cached !== undefined && this.counts(cached)) return cached
    return this.ask(subject, effects, key)
  }

  /** Asks even when an answer is cached: after an approval, with today's policies. */
  decideAgain(subject: JudgedSubject, effects: readonly Effect[]): Promise<DecideReply> {
    return this.ask(subject, effects, this.subjectKey(subject) + this.effectsKey(effects))
  }

  private counts(reply: DecideReply): boolean {
    return this.revisions.current(reply.revision) && (reply.validUntil === null || Date.now() < reply.validUntil)
  }

  private async ask(subject: JudgedSubject, effects: readonly Effect[], key: string): Promise<DecideReply> {
    if (effects.length > EFFECTS_MAX) throw new Refusal('limit', `one command has ${effects.length} effects, at most ${EFFECTS_MAX} can be judged`, { remedy: 'Send its statements one by one.' })
    const request: DecideRequest = {
      principal: subject.principal,
      connection: subject.connection,
      effects: effects.map((effect) => ({ action: effect.action, class: effect.class, facts: effect.facts as DecideRequest['effects'][number]['facts'] })),
      circumstances: { sourceAddress: subject.sourceAddress, grants: [] },
    }
    try {
      const reply = await askPatiently(this.bus, decide, request, DECIDE_TIMEOUT_MS)
      if (!this.revisions.notOutdated(reply.revision)) throw new RpcError('unavailable', 'the answer is older than the policies in force')
      this.answers.set(key, reply)
      return reply
    } catch (cause) {
      throw new Refusal('unavailable', 'nobody could decide about this command in time, so it was not run', { remedy: 'Try again in a moment.' }, { cause })
    }
  }

  private subjectKey(subject: JudgedSubject): string {
    const known = this.subjects.get(subject)
    if (known !== undefined) return known
    const key = `${JSON.stringify([subject.principal, subject.connection, subject.sourceAddress])}\n`
    this.subjects.set(subject, key)
    return key
  }

  private effectsKey(effects: readonly Effect[]): string {
    const known = this.keys.get(effects)
    if (known !== undefined) return known
    const key = JSON.stringify(effects.map((effect) => [effect.action, effect.class, Object.entries(effect.facts).sort(([a], [b]) => (a < b ? -1 : 1))]))
    this.keys.set(effects, key)
    return key
  }
}
