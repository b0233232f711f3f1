import type { ApprovalNeed } from '../policy/index.js'

/**
 * Whether approvals given for `approved` are enough for what the policies want now: each need of today was asked for then, by the same
 * policy, of the same group, and of at least as many people. When the command is judged again before it runs and this is false,
 * the approval is no longer good for it.
 */
export const needsCovered = (approved: readonly ApprovalNeed[], today: readonly ApprovalNeed[]): boolean => {
  const given = countsOf(approved)
  return [...countsOf(today)].every(([key, count]) => (given.get(key) ?? 0) >= count)
}

/** People wanted, by policy and group. Needs named twice add up: one person counts for one need only. */
const countsOf = (needs: readonly ApprovalNeed[]): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const { policy, group, count } of needs) {
    const key = JSON.stringify([policy, group])
    counts.set(key, (counts.get(key) ?? 0) + count)
  }
  return counts
}
