import type { Principal } from '@sallyport/contracts/identity'

/** admin configures; approver sees every approval; auditor reads everything and changes nothing. Who may approve is decided by the policies' groups. */
export const roles = ['admin', 'approver', 'auditor'] as const
export type Role = (typeof roles)[number]

/** `groups` as principals carry them: another issuer's than the primary one's with its prefix. */
export interface RoleBinding {
  readonly role: Role
  readonly groups: readonly string[]
}

/** Come with the development issuer only. */
export const developmentRoleBindings: readonly RoleBinding[] = [
  { role: 'admin', groups: ['admins'] },
  { role: 'auditor', groups: ['auditors'] },
]

/** Roles belong to people who act for themselves: an agent has none whatever its groups, and nobody has one on another's behalf. */
export const rolesOf = (principal: Principal, bindings: readonly RoleBinding[]): ReadonlySet<Role> => {
  if (principal.kind !== 'user' || principal.chain.length > 0) return new Set()
  const held = new Set(principal.groups)
  return new Set(bindings.filter((binding) => binding.groups.some((group) => held.has(group))).map((binding) => binding.role))
}
