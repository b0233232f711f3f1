import type { DecideReply, DecideRequest, ExplainReply } from '@sallyport/contracts/policy'
import { RpcError } from '@sallyport/contracts/rpc'
import { engineBroken } from '@sallyport/policy-engine'
import type { Metrics } from './metrics.js'
import type { Policies } from './policies.js'

/** Evaluation stops here and denies what is left: the caller waits a few seconds at most, and the replica's heartbeat must go on. */
const EVALUATION_MS_MAX = 750

/** Decides by the revision that was verified within the last second; throws RpcError `unavailable` when there is none. */
export class Decisions {
  constructor(private readonly policies: Policies, private readonly metrics: Metrics) {}

  async decide(request: DecideRequest): Promise<DecideReply> {
    const { effects: _effects, ...reply } = await this.counted(request)
    return reply
  }

  explain(request: DecideRequest): Promise<ExplainReply> {
    return this.evaluate(request)
  }

  private async counted(request: DecideRequest): Promise<ExplainReply> {
    try {
      const reply = await this.evaluate(request)
      this.metrics.decisions.inc({ outcome: reply.outcome })
      return reply
    } catch (error) {
      this.metrics.decisions.inc({ outcome: 'unavailable' })
      throw error
    }
  }

  private async evaluate(request: DecideRequest): Promise<ExplainReply> {
    const { compiled, revision } = await this.policies.fresh()
    if (compiled.kind === 'faulty') throw new RpcError('unavailable', compiled.why)
    const began = performance.now()
    const end = this.metrics.evaluation.startTimer()
    const explanation = compiled.engine.decide(request, { nowMs: Date.now(), expired: () => performance.now() - began > EVALUATION_MS_MAX })
    end()
    // Not an answer about the policies, so nobody may keep it as one.
    if (engineBroken()) throw new RpcError('unavailable', 'the policy engine of this replica broke')
    return { ...explanation, revision }
  }
}
