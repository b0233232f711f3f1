import { approvalEventTypes } from '@sallyport/contracts/approval'
import { aboutOf, type ApprovalState } from '../approval.js'
import { accept, refuse, type Decision } from '../decision.js'

export interface Claim {
  /** Digest of what is about to run, and the principal that runs it. */
  readonly digest: string
  readonly uid: string
  readonly proxy: string
  /** The retry: another command than the one that was parked. */
  readonly command: string
  /** Epoch milliseconds. */
  readonly now: number
}

/** Approved → released for a parked command: the same digest from the same principal, through whichever proxy, once. */
export const decideClaim = (state: ApprovalState, { digest, uid, proxy, command, now }: Claim): Decision => {
  if (state.request.mode !== 'park') return refuse('conflict', `Approval ${state.id} is for a held command: it is released, not claimed.`)
  if (state.request.digest !== digest || state.request.principal.uid !== uid) return refuse('conflict', `Approval ${state.id} is for something else.`)
  if (state.status !== 'approved') return refuse('conflict', `Approval ${state.id} is ${state.status}, not approved: nothing may run under it.`)
  return accept({ type: approvalEventTypes.released, data: { ...aboutOf(state.id, state.request, now), status: 'released', releasedTo: { proxy, command } } })
}
