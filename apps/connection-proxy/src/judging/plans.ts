import { plan, type MaskPlanReply, type PlanRequest } from '@sallyport/contracts/masking'
import { RpcError } from '@sallyport/contracts/rpc'
import { compilePlan } from '@sallyport/masking-engine'
import type { Bus } from '@sallyport/messaging'
import { Refusal, type MaskPlan, type MaskQuery } from '@sallyport/protocol-kit'
import { askPatiently } from './ask-patiently.js'
import { BoundedMap } from './bounded-map.js'
import type { JudgedSubject } from './decisions.js'
import type { RevisionWatch } from './revision-watch.js'

export interface CompiledPlan {
  readonly reply: MaskPlanReply
  readonly plan: MaskPlan
}

const ENTRIES_MAX = 5_000
const PLAN_TIMEOUT_MS = 3_000

/** Asks masking for plans, and keeps them compiled by the shape they were asked for, while their revision is in force. */
export class Plans {
  private readonly plans = new BoundedMap<string, CompiledPlan>(ENTRIES_MAX)
  private readonly queries = new WeakMap<MaskQuery, WeakMap<JudgedSubject, CompiledPlan>>()

  constructor(
    private readonly bus: Bus,
    private readonly revisions: RevisionWatch,
  ) {}

  /** Rejects with a Refusal: then the result must not be delivered. */
  planFor(subject: JudgedSubject, query: MaskQuery): CompiledPlan | Promise<CompiledPlan> {
    const near = this.queries.get(query)?.get(subject)
    if (near !== undefined && this.revisions.current(near.reply.revision)) return near
    const key = JSON.stringify([subject.connection, subject.principal, query.touches, query.outputs])
    const cached = this.plans.get(key)
    if (cached !== undefined && this.revisions.current(cached.reply.revision)) return this.remember(subject, query, cached)
    return this.ask(subject, query, key)
  }

  private remember(subject: JudgedSubject, query: MaskQuery, compiled: CompiledPlan): CompiledPlan {
    let bySubject = this.queries.get(query)
    if (bySubject === undefined) {
      bySubject = new WeakMap()
      this.queries.set(query, bySubject)
    }
    bySubject.set(subject, compiled)
    return compiled
  }

  private async ask(subject: JudgedSubject, query: MaskQuery, key: string): Promise<CompiledPlan> {
    try {
      const reply = await askPatiently(this.bus, plan, {
        connection: subject.connection,
        principal: subject.principal,
        touches: query.touches as PlanRequest['touches'],
        outputs: query.outputs as PlanRequest['outputs'],
      }, PLAN_TIMEOUT_MS)
      if (!this.revisions.notOutdated(reply.revision)) throw new RpcError('unavailable', 'the answer is older than the rules in force')
      const compiled = { reply, plan: compilePlan(reply) }
      this.plans.set(key, compiled)
      return this.remember(subject, query, compiled)
    } catch (cause) {
      throw new Refusal('unavailable', 'what must be masked in the result could not be found out in time, so it is withheld', { remedy: 'Try again in a moment.' }, { cause })
    }
  }
}
