import type { MaskPlanReply, PlanRequest, preview } from '@sallyport/contracts/masking'
import { RpcError } from '@sallyport/contracts/rpc'
import { planFor, previewRule, ruleFaults, type PlanDecision } from '@sallyport/masking-engine'
import type { z } from 'zod'
import type { Metrics } from './metrics.js'
import type { Rules } from './rules.js'

const resultOf = (decision: PlanDecision): 'mask' | 'scan' | 'pass' => {
  if (decision.touchesMasked || decision.outputs.some(({ kind }) => kind === 'mask')) return 'mask'
  return decision.detection.length > 0 ? 'scan' : 'pass'
}

/** Makes plans and previews by the rules in force. Sees names only, but for a preview's samples, and keeps nothing. */
export class Plans {
  constructor(
    private readonly rules: Rules,
    private readonly metrics: Metrics,
  ) {}

  /** Throws RpcError `unavailable` while the rules can't be verified. */
  async plan(request: PlanRequest): Promise<MaskPlanReply> {
    const done = this.metrics.planning.startTimer()
    try {
      const { revision, documents, compiled } = await this.rules.fresh()
      const decision = planFor(documents, request)
      this.metrics.plans.inc({ result: resultOf(decision) })
      return { ...decision, revision, hashKey: compiled.hashKey }
    } catch (thrown) {
      this.metrics.plans.inc({ result: 'unavailable' })
      throw thrown
    } finally {
      done()
    }
  }

  /** Throws RpcError `invalid` for a rule that would be refused. */
  preview({ spec, samples }: z.output<typeof preview.request>): z.input<typeof preview.response> {
    const faults = ruleFaults({ name: 'preview', spec, managedBy: 'api', version: 1 })
    if (faults.length > 0) throw new RpcError('invalid', faults[0]?.message ?? 'the rule does not hold', faults.map((fault) => ({ ...fault })))
    return { results: previewRule(spec, samples, this.rules.current().compiled.hashKey) }
  }
}
