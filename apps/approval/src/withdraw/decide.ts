import { approvalEventTypes } from '@sallyport/contracts/approval'
import { aboutOf, isOpen, type ApprovalState } from '../approval.js'
import { accept, refuse, type Decision } from '../decision.js'
import { REASON_CHARS_MAX } from '../limits.js'
import { storableText } from '../storable-text.js'

export interface Withdraw {
  readonly reason: string
  /** Epoch milliseconds. */
  readonly now: number
}

/** The one who asked no longer waits. Withdrawing twice is not an error; withdrawing what was released is: it runs. */
export const decideWithdraw = (state: ApprovalState, { reason, now }: Withdraw): Decision => {
  if (state.status === 'withdrawn') return accept()
  if (!isOpen(state.status)) return refuse('conflict', `Approval ${state.id} is ${state.status}: it can't be withdrawn any more.`)
  return accept({
    type: approvalEventTypes.withdrawn,
    data: { ...aboutOf(state.id, state.request, now), status: 'withdrawn', reason: storableText(reason, REASON_CHARS_MAX) },
  })
}
