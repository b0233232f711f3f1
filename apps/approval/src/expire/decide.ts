import { approvalEventTypes } from '@sallyport/contracts/approval'
import { aboutOf, fold, type ApprovalState } from '../approval.js'
import { accept, type Decision } from '../decision.js'

/** Closes what is overdue: requested → expired, approved → lapsed. `now` is epoch milliseconds; at the deadline it is too late. */
export const decideExpire = (state: ApprovalState, now: number): Decision => {
  if (now < Date.parse(state.deadline)) return accept()
  const about = aboutOf(state.id, state.request, now)
  if (state.status === 'requested') return accept({ type: approvalEventTypes.expired, data: { ...about, status: 'expired' } })
  if (state.status === 'approved') return accept({ type: approvalEventTypes.lapsed, data: { ...about, status: 'lapsed' } })
  return accept()
}

/** Decides on the state as it is at `now`, whether or not the sweeper has come by: nothing overdue is ever decided as if it were open. */
export const decideSettled = (state: ApprovalState, now: number, decide: (settled: ApprovalState) => Decision): Decision => {
  const due = decideExpire(state, now).events
  const decision = decide(fold(due, state) ?? state)
  return { ...decision, events: [...due, ...decision.events] }
}
