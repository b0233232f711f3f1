import { approvalEventTypes, needsCovered, type ApprovalRequest } from '@sallyport/contracts/approval'
import { aboutOf, expiryMs, isoTime, type ApprovalState } from '../approval.js'
import { accept, refuse, type Decision } from '../decision.js'
import { EXPIRES_MS_MAX, OPEN_PER_PRINCIPAL_MAX, PEOPLE_NEEDED_MAX, REQUEST_CHARS_MAX, SUMMARY_CHARS_MAX } from '../limits.js'
import { storableText } from '../storable-text.js'

export interface RequestApproval {
  /** Id for the approval if a new one is made. */
  readonly id: string
  readonly request: ApprovalRequest
  /** Open approvals of the same principal. */
  readonly openCount: number
  /** Epoch milliseconds. */
  readonly now: number
}

/**
 * `state`: the approval that this command, or an open parked one for the same digest and principal, already has.
 * The same request again is answered with the same approval.
 */
export const decideRequest = (state: ApprovalState | undefined, { id, request, openCount, now }: RequestApproval): Decision => {
  if (state !== undefined) {
    return sameSubject(state.request, request) ? accept() : refuse('conflict', `Command ${request.command} has already asked for another approval, ${state.id}.`)
  }
  const fault = faultOf(request)
  if (fault !== undefined) return refuse('invalid', fault)
  if (openCount >= OPEN_PER_PRINCIPAL_MAX) {
    return refuse('conflict', `${openCount} commands of ${request.principal.uid} are waiting for approval already, which is the most there can be. Wait until some are decided, or cancel them.`)
  }
  return accept({
    type: approvalEventTypes.requested,
    data: { ...aboutOf(id, request, now), status: 'requested', request: { ...request, summary: storableText(request.summary, SUMMARY_CHARS_MAX) }, expiresAt: isoTime(now + expiryMs(request, EXPIRES_MS_MAX)) },
  })
}

/** Whether two requests ask for the same thing to be run for the same principal in the same way. */
const sameSubject = (one: ApprovalRequest, other: ApprovalRequest): boolean =>
  one.digest === other.digest && one.principal.uid === other.principal.uid && one.mode === other.mode

/** Whether two requests ask the same people. Order doesn't matter. */
export const sameNeeds = (one: ApprovalRequest, other: ApprovalRequest): boolean =>
  needsCovered(one.needs, other.needs) && needsCovered(other.needs, one.needs)

/** A character that the database can't keep as it is (NUL, a lone surrogate), as JSON writes it. */
const UNSTORABLE = /\\u(?:0000|d[89a-f][0-9a-f]{2})/

const faultOf = (request: ApprovalRequest): string | undefined => {
  if (request.needs.some((need) => need.expiresMs < 1)) return 'A need expires before anybody could approve: expiresMs must be at least 1.'
  const people = request.needs.reduce((sum, need) => sum + need.count, 0)
  if (people > PEOPLE_NEEDED_MAX) return `${people} people would have to approve, more than ${PEOPLE_NEEDED_MAX}: the policies ask too much.`
  if (JSON.stringify(request).length > REQUEST_CHARS_MAX) return `The request is longer than ${REQUEST_CHARS_MAX} characters: its principal has too many groups.`
  if (UNSTORABLE.test(JSON.stringify({ ...request, summary: '' }))) return 'A name in the request contains a character that can\'t be stored.'
  return undefined
}
