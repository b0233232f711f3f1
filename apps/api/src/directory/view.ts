import type { Agent, Connection } from '@sallyport/contracts/directory'
import type { Issuer, Party, Principal } from '@sallyport/contracts/identity'
import { developmentRoleBindings, type RoleBinding } from '@sallyport/identity'
import { ofKind, type DirectoryDocument } from './document.js'
import type { Installation } from './validate.js'

/** One revision of the directory, as it is looked things up in. */
export interface DirectoryView {
  readonly issuers: readonly Issuer[]
  readonly roleBindings: readonly RoleBinding[]
  readonly connections: ReadonlyMap<string, Connection>
  readonly agents: ReadonlyMap<string, Agent>
  /** The parties with what the directory knows of them: who is an agent, or was one, and who answers for it. */
  parties(parties: readonly Party[]): Party[]
  principal(principal: Principal): Principal
}

const agentKey = (issuer: string, subject: string): string => JSON.stringify([issuer, subject])

export const viewOf = (documents: readonly DirectoryDocument[], installation: Installation): DirectoryView => {
  const configured = ofKind(documents, 'issuer').map(({ object, spec }): Issuer => ({ name: object, url: spec.oidc.url, audience: spec.oidc.audience, groupsClaim: spec.groupsClaim, primary: spec.primary, ...(spec.people === undefined ? {} : { people: spec.people }) }))
  const development = configured.length === 0 && installation.developmentIssuer !== undefined
  const bindings = ofKind(documents, 'role-binding').map(({ spec }) => spec)
  const agents = ofKind(documents, 'agent').map(({ object, spec, managedBy, version }): Agent => ({ name: object, spec, managedBy, revision: version }))
  const known = new Map<string, Pick<Party, 'owner' | 'retired'>>([
    ...ofKind(documents, 'retired-agent').map(({ spec }) => [agentKey(spec.issuer, spec.subject), { owner: spec.owner, retired: true }] as const),
    ...agents.map(({ spec }) => [agentKey(spec.issuer, spec.subject), { owner: spec.owner }] as const),
  ])
  const described = (party: Party): Party => {
    const { kind: _kind, owner: _owner, retired: _retired, person, ...rest } = party
    const agent = known.get(agentKey(party.issuer, party.subject))
    // No agent is a person, whatever its token says.
    return agent === undefined ? { ...rest, kind: 'user', ...(person === undefined ? {} : { person }) } : { ...rest, kind: 'agent', ...agent }
  }
  return {
    issuers: development ? [installation.developmentIssuer!] : configured,
    roleBindings: development ? [...developmentRoleBindings, ...bindings] : bindings,
    connections: new Map(ofKind(documents, 'connection').map(({ object, labels, spec, managedBy, version }) => [object, { name: object, labels, spec, managedBy, revision: version }])),
    agents: new Map(agents.map((agent) => [agent.name, agent])),
    parties: (parties) => parties.map(described),
    principal: ({ chain, ...self }) => ({ ...described(self), chain: chain.map(described) }),
  }
}

/** uid of an agent's entity in policies: its subject, with the issuer's name unless that one is primary. */
export const agentUid = (agent: { readonly issuer: string; readonly subject: string }, primaryIssuer: string | undefined): string =>
  agent.issuer === primaryIssuer ? agent.subject : `${agent.issuer}/${agent.subject}`
