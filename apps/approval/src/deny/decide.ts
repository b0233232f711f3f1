import { approvalEventTypes } from '@sallyport/contracts/approval'
import type { Principal } from '@sallyport/contracts/identity'
import { aboutOf, isOpen, type ApprovalState } from '../approval.js'
import { accept, refuse, type Decision } from '../decision.js'
import { eligibility } from '../eligibility.js'
import { COMMENT_CHARS_MAX } from '../limits.js'
import { storableText } from '../storable-text.js'

export interface Deny {
  readonly approver: Principal
  /** Why: the one who asked reads it. */
  readonly comment: string
  /** Epoch milliseconds. */
  readonly now: number
}

/** One denial by an eligible person denies, also after enough people have approved, as long as nothing has run. */
export const decideDeny = (state: ApprovalState, { approver, comment, now }: Deny): Decision => {
  const eligible = eligibility(state.request, approver)
  if (eligible.kind === 'ineligible') return refuse('forbidden', eligible.message)
  if (comment.trim() === '') return refuse('invalid', 'A denial needs a comment that says why.')
  if (comment.length > COMMENT_CHARS_MAX) return refuse('invalid', `A comment has at most ${COMMENT_CHARS_MAX} characters.`)
  if (state.status === 'denied' && state.resolutions.at(-1)?.by === approver.uid) return accept()
  const { status } = state
  if (!isOpen(status)) return refuse('conflict', `Approval ${state.id} is ${status}: it can't be denied any more.`)
  const kept = storableText(comment, COMMENT_CHARS_MAX)
  const about = aboutOf(state.id, state.request, now)
  return accept(
    {
      type: approvalEventTypes.resolutionRecorded,
      data: { ...about, status: status === 'approved' ? 'approved' : 'requested', by: approver.uid, groups: [...eligible.groups], verdict: 'deny', comment: kept },
    },
    { type: approvalEventTypes.denied, data: { ...about, status: 'denied', by: approver.uid, comment: kept } },
  )
}
