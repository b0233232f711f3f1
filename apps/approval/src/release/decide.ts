import { approvalEventTypes } from '@sallyport/contracts/approval'
import { aboutOf, type ApprovalState } from '../approval.js'
import { accept, refuse, type Decision } from '../decision.js'

export interface Release {
  /** Digest of what is about to run. */
  readonly digest: string
  readonly proxy: string
  readonly command: string
  /** Epoch milliseconds. */
  readonly now: number
}

/**
 * Approved → released for a held command: exactly what was approved, by the proxy and for the command that asked. Never twice, not
 * even for the same caller: whoever doesn't know whether it was released must not run it.
 */
export const decideRelease = (state: ApprovalState, { digest, proxy, command, now }: Release): Decision => {
  if (state.request.mode !== 'hold') return refuse('conflict', `Approval ${state.id} is for a parked command: it is claimed, not released.`)
  if (state.request.proxy !== proxy || state.request.command !== command) return refuse('conflict', `Approval ${state.id} was given to another command.`)
  if (state.request.digest !== digest) return refuse('conflict', `What is about to run is not what was shown to the approvers of ${state.id}.`)
  if (state.status !== 'approved') return refuse('conflict', `Approval ${state.id} is ${state.status}, not approved: nothing may run under it.`)
  return accept({ type: approvalEventTypes.released, data: { ...aboutOf(state.id, state.request, now), status: 'released', releasedTo: { proxy, command } } })
}
