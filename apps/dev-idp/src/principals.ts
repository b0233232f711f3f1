/** A development principal: `client_id` is the name, `client_secret` (and password) the name followed by `-secret`. */
export interface DevPrincipal {
  readonly name: string
  readonly kind: 'person' | 'agent'
  readonly groups: readonly string[]
}

export const principals: readonly DevPrincipal[] = [
  { name: 'ada', kind: 'person', groups: ['admins'] },
  { name: 'bob', kind: 'person', groups: ['dba', 'approvers'] },
  { name: 'carol', kind: 'person', groups: ['dba', 'approvers'] },
  { name: 'alice', kind: 'person', groups: ['engineers'] },
  { name: 'iris', kind: 'person', groups: ['auditors'] },
  { name: 'coding-agent', kind: 'agent', groups: ['ai-agents'] },
  { name: 'ci-agent', kind: 'agent', groups: ['ai-agents'] },
]

export const principalNamed = (name: string): DevPrincipal | undefined => principals.find((principal) => principal.name === name)

export const secretOf = (principal: DevPrincipal): string => `${principal.name}-secret`
