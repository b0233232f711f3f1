import { listIssuers, lookUpConnection, lookUpParties, type Connection } from '@sallyport/contracts/directory'
import { RpcError } from '@sallyport/contracts/rpc'
import type { Bus } from '@sallyport/messaging'

/** Whoever is in this group is an agent to a played directory. */
export const AGENT_GROUP = 'ai-agents'

type Registered = Omit<Connection, 'managedBy' | 'revision'>

/** Where a platform's connections are registered. */
export interface Directory {
  register(connection: Registered): Promise<void>
}

interface Issuer {
  readonly url: string
  token(subject: string, groups: readonly string[]): Promise<string>
}

/** The directory played by the test through its contract: it stays when services are killed, and takes any connection. */
export const playDirectory = async (bus: Bus, issuer: Issuer, connections: Map<string, Connection>): Promise<Directory> => {
  bus.serve(listIssuers, () => ({ issuers: [{ name: 'development', url: issuer.url, audience: 'sallyport', groupsClaim: 'groups', primary: true }] }))
  bus.serve(lookUpParties, ({ parties }) => ({ parties: parties.map((party) => (party.groups.includes(AGENT_GROUP) ? { ...party, kind: 'agent' as const, owner: 'alice' } : party)) }))
  bus.serve(lookUpConnection, ({ name }) => {
    const connection = connections.get(name)
    if (connection === undefined) throw new RpcError('not-found', `no connection ${name}`)
    return connection
  })
  await bus.flush()
  return {
    register: (connection) => {
      connections.set(connection.name, { ...connection, managedBy: 'api', revision: (connections.get(connection.name)?.revision ?? 0) + 1 })
      return Promise.resolve()
    },
  }
}

/** A request of an admin's, unless another token is given. Throws unless it is answered with success. */
export type Rest = (method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: object, token?: string) => Promise<unknown>

export const restOf = (api: { readonly httpUrl: string }, issuer: Issuer): Rest => async (method, path, body, token) => {
  const response = await fetch(`${api.httpUrl}${path}`, {
    method,
    headers: { authorization: `Bearer ${token ?? await issuer.token('ada', ['admins'])}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
  return text === '' ? undefined : JSON.parse(text)
}

/** The real one: connections are registered through REST. */
export const restDirectory = (rest: Rest): Directory => ({
  register: async ({ name, labels, spec }) => void await rest('PUT', `/v1/connections/${name}`, { labels, spec }),
})
