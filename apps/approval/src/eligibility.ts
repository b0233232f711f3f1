import type { ApprovalRequest } from '@sallyport/contracts/approval'
import { interestedUids, type Principal } from '@sallyport/contracts/identity'

export type Eligibility =
  | { readonly kind: 'eligible'; readonly groups: readonly string[] }
  | { readonly kind: 'ineligible'; readonly message: string }

/**
 * Whether this principal may give a verdict (approve or deny) on the request, and for which of the needed groups. Never an agent,
 * never a token that doesn't show a person, never on somebody else's behalf, never anybody who is behind the request: the principal, its chain, the owners of its agents.
 */
export const eligibility = (request: ApprovalRequest, approver: Principal): Eligibility => {
  if (approver.kind !== 'user') return ineligible('Only people decide about approvals, never agents.')
  if (approver.chain.length > 0) return ineligible('A verdict is given in person, never on somebody else\'s behalf.')
  if (approver.person !== true) return ineligible(`Only people decide about approvals, and the token doesn't show that a person holds it: the setting \`people\` of the issuer ${approver.issuer} says what such a token has.`)
  const interested = new Set(interestedUids(request.principal))
  if (interestedUids(approver).some((uid) => interested.has(uid))) {
    return ineligible('Whoever asked for this command, or stands behind the one who asked, can\'t decide about it. Ask somebody else of the groups it needs.')
  }
  const held = new Set(approver.groups)
  const groups = [...new Set(request.needs.map((need) => need.group))].filter((group) => held.has(group))
  return groups.length === 0 ? ineligible(`Only members of ${neededGroups(request)} can decide about this command.`) : { kind: 'eligible', groups }
}

export const neededGroups = (request: ApprovalRequest): string => [...new Set(request.needs.map((need) => need.group))].join(', ')

const ineligible = (message: string): Eligibility => ({ kind: 'ineligible', message })
