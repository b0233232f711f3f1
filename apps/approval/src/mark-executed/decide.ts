import { approvalEventTypes } from '@sallyport/contracts/approval'
import { aboutOf, type ApprovalState } from '../approval.js'
import { accept, refuse, type Decision } from '../decision.js'
import { REASON_CHARS_MAX } from '../limits.js'
import { storableText } from '../storable-text.js'

export interface MarkExecuted {
  readonly outcome: string
  /** Epoch milliseconds. */
  readonly now: number
}

/** Released → executed. Reporting twice is not an error; the first report stays. */
export const decideMarkExecuted = (state: ApprovalState, { outcome, now }: MarkExecuted): Decision => {
  if (state.status === 'executed') return accept()
  if (state.status !== 'released') return refuse('conflict', `Approval ${state.id} is ${state.status}: nothing has run under it.`)
  return accept({ type: approvalEventTypes.executed, data: { ...aboutOf(state.id, state.request, now), status: 'executed', outcome: storableText(outcome, REASON_CHARS_MAX) } })
}
