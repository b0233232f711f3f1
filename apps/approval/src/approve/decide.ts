import { approvalEventTypes, type Resolution } from '@sallyport/contracts/approval'
import type { Principal } from '@sallyport/contracts/identity'
import { aboutOf, isoTime, lapseMs, type ApprovalState } from '../approval.js'
import { accept, refuse, type Decision } from '../decision.js'
import { eligibility } from '../eligibility.js'
import { COMMENT_CHARS_MAX, EXPIRES_MS_MAX, RESOLUTIONS_MAX } from '../limits.js'
import { needsMet } from '../needs.js'
import { storableText } from '../storable-text.js'

export interface Approve {
  readonly approver: Principal
  readonly comment: string
  /** Epoch milliseconds. */
  readonly now: number
}

/** Counts people: the same person again changes nothing, and is not an error (a request may come twice). */
export const decideApprove = (state: ApprovalState, { approver, comment, now }: Approve): Decision => {
  const eligible = eligibility(state.request, approver)
  if (eligible.kind === 'ineligible') return refuse('forbidden', eligible.message)
  if (comment.length > COMMENT_CHARS_MAX) return refuse('invalid', `A comment has at most ${COMMENT_CHARS_MAX} characters.`)
  const before = approvalsOf(state)
  const counted = before.some((resolution) => resolution.by === approver.uid)
  if (counted && ['requested', 'approved', 'released', 'executed'].includes(state.status)) return accept()
  if (state.status !== 'requested') return refuse('conflict', `Approval ${state.id} is ${state.status}: it can't be approved any more.`)
  if (state.resolutions.length >= RESOLUTIONS_MAX) return refuse('conflict', `Approval ${state.id} has ${RESOLUTIONS_MAX} verdicts already, and they are still not those it needs.`)
  const about = aboutOf(state.id, state.request, now)
  const resolution: Resolution = { by: approver.uid, groups: [...eligible.groups], verdict: 'approve', comment: storableText(comment, COMMENT_CHARS_MAX), at: about.at }
  const recorded = { type: approvalEventTypes.resolutionRecorded, data: { ...about, status: 'requested', ...resolution } } as const
  const all = [...before, resolution]
  if (!needsMet(state.request.needs, all.map(({ by, groups }) => ({ uid: by, groups })))) return accept(recorded)
  return accept(recorded, {
    type: approvalEventTypes.approved,
    data: { ...about, status: 'approved', by: all.map(({ by }) => by), lapsesAt: isoTime(now + lapseMs(state.request, EXPIRES_MS_MAX)) },
  })
}

const approvalsOf = (state: ApprovalState): readonly Resolution[] => state.resolutions.filter(({ verdict }) => verdict === 'approve')
