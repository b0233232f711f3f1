import { managedBySchema, nameSchema } from '@sallyport/contracts/change'
import { agentSchema, agentSpecSchema, connectionObjectSchema, connectionSpecSchema, issuerSpecSchema, roleBindingSpecSchema, sealedCredentialSchema, type Connection } from '@sallyport/contracts/directory'
import { listOf } from '@sallyport/contracts/rpc'
import { z } from 'zod'
import { documentName, draftOf, ofKind, type DirectoryKind, type DocumentOf } from '../directory/document.js'
import { desiredSet } from '../directory/retired.js'
import { validateDirectory } from '../directory/validate.js'
import { Problem } from '../http/problem.js'
import { route, type Caller, type Route } from '../http/route.js'
import type { Services } from '../services.js'
import { retiredAgentRoutes } from './retired-agents.js'
import { found, pageByName, pageQuery } from './lists.js'

const readers = ['admin', 'auditor'] as const
const managed = { name: nameSchema, managedBy: managedBySchema, revision: z.number().int() }

/** A connection as it is shown. What the sealed credential is stays where it is; `sealed` says whether there is one. */
const connectionViewSchema = z.object({
  ...managed,
  labels: connectionObjectSchema.shape.labels,
  spec: connectionSpecSchema.extend({ credentials: sealedCredentialSchema.extend({ sealed: z.boolean() }) }).partial({ target: true, credentials: true, durability: true, recording: true, options: true }),
})
const issuerViewSchema = z.object({ ...managed, spec: issuerSpecSchema })
const roleBindingViewSchema = z.object({ ...managed, spec: roleBindingSpecSchema })

const reads = (caller: Caller): boolean => readers.some((role) => caller.roles.has(role))

/** Who neither configures nor audits sees what there is, not where it is nor as whom it is used. */
const connectionView = ({ spec, ...rest }: Connection, caller: Caller): z.infer<typeof connectionViewSchema> =>
  (reads(caller) ? { ...rest, spec: { ...spec, credentials: { ...spec.credentials, sealed: spec.credentials.sealed !== undefined } } } : { ...rest, spec: { protocol: spec.protocol } })

const documentView = ({ object, labels, spec, managedBy, version }: DocumentOf<'connection'>, caller: Caller): z.infer<typeof connectionViewSchema> =>
  connectionView({ name: object, labels, spec, managedBy, revision: version }, caller)

/** An agent sees what it may reach at all. */
const visibleConnections = ({ directory }: Services, { principal }: Caller): Connection[] => {
  const { connections, agents } = directory.view()
  if (principal.kind !== 'agent') return [...connections.values()]
  const own = [...agents.values()].find(({ spec }) => spec.issuer === principal.issuer && spec.subject === principal.subject)
  return [...connections.values()].filter(({ name }) => own?.spec.connections.includes(name))
}

/** Throws Problem `not-found` for a connection that the caller can't see. */
export const visibleConnection = (services: Services, caller: Caller, name: string): Connection =>
  found(visibleConnections(services, caller).find((connection) => connection.name === name), `connection "${name}"`)

const simpleView = <K extends DirectoryKind>(document: DocumentOf<K>) => ({ name: document.object, managedBy: document.managedBy, revision: document.version, spec: document.spec })

const nameOf = (params: Readonly<Record<string, string>>): string => {
  const name = nameSchema.safeParse(params['name'])
  if (!name.success) throw new Problem('invalid', name.error.issues[0]!.message, [{ field: 'name', message: name.error.issues[0]!.message }])
  return name.data
}

interface Written { readonly name: string; readonly labels?: Readonly<Record<string, string>>; readonly spec: object }

/**
 * Puts one object in force; an agent's guard before the agent. What would be refused is refused before anything is done.
 * `fresh`: there must be none of that name yet.
 */
const put = async <K extends DirectoryKind>(services: Services, kind: K, written: Written, caller: Caller, fresh: boolean): Promise<DocumentOf<K>> => {
  const { directory, guards } = services
  const existing = ofKind(directory.documents(), kind).find(({ object }) => object === written.name)
  if (fresh && existing !== undefined) throw new Problem('conflict', `There is one named "${written.name}" already; PUT replaces it.`)
  if (existing !== undefined && existing.managedBy !== 'api') throw new Problem('conflict', `"${written.name}" is managed by ${existing.managedBy} and is changed there.`)
  const desired = desiredSet(directory.documents(), [draftOf(kind, written)], 'api', false)
  if (kind === 'agent') {
    const faults = validateDirectory(directory.installation, desired, new Set([documentName(kind, written.name)]))
    if (faults.length > 0) throw new Problem('invalid', faults[0]!.message, faults)
    await guards.bring(desired, false)
  }
  const document = await directory.put(kind, written, caller.principal.uid)
  // Another primary issuer makes other names of the agents' subjects; whoever was removed and is registered again has the new guard by now.
  if (kind === 'agent' || kind === 'issuer') await guards.bring(directory.documents(), true)
  return document
}

interface Kind<K extends DirectoryKind> { readonly kind: K; readonly path: string; readonly title: string; readonly view: z.ZodType; readonly spec: z.ZodType }

/** The five routes of a kind whose objects are a name and a spec. */
const crud = <K extends DirectoryKind>({ kind, path, title, view, spec }: Kind<K>): Route[] => {
  const documents = ({ directory }: Services): DocumentOf<K>[] => ofKind(directory.documents(), kind)
  return [
    route({ method: 'GET', path: `/v1/${path}`, access: readers, summary: `List ${title}s`, query: pageQuery, reply: listOf(view), handle: ({ query }, services) => ({ body: pageByName(documents(services).map(simpleView), query) }) }),
    route({
      method: 'GET', path: `/v1/${path}/{name}`, access: readers, summary: `Read one ${title}`, reply: view,
      handle: ({ params }, services) => ({ body: simpleView(found(documents(services).find(({ object }) => object === params['name']), `${title} "${params['name']}"`)) }),
    }),
    route({
      method: 'PUT', path: `/v1/${path}/{name}`, access: ['admin'], configures: true, summary: `Create or replace one ${title}`, body: z.object({ spec }).strict(), reply: view,
      handle: async ({ params, body, caller }, services) => ({ body: simpleView(await put(services, kind, { name: nameOf(params), spec: (body as { spec: object }).spec }, caller, false)) }),
    }),
    route({
      method: 'POST', path: `/v1/${path}`, access: ['admin'], configures: true, status: 201, summary: `Create one ${title}`, body: z.object({ name: nameSchema, spec }).strict(), reply: view,
      handle: async ({ body, caller }, services) => ({ body: simpleView(await put(services, kind, body as Written, caller, true)) }),
    }),
    removal(kind, path, title),
  ]
}

const removal = (kind: DirectoryKind, path: string, title: string): Route => route({
  method: 'DELETE', path: `/v1/${path}/{name}`, access: ['admin'], configures: true, summary: `Remove one ${title}`,
  handle: async ({ params, caller }, services) => {
    await services.directory.remove(kind, nameOf(params), caller.principal.uid)
    if (kind === 'agent' || kind === 'issuer') await services.guards.bring(services.directory.documents(), true)
    return {}
  },
})

const connectionRoutes: Route[] = [
  route({
    method: 'GET', path: '/v1/connections', access: 'anyone', summary: 'List connections; without a role only their names, protocols and labels', query: pageQuery, reply: listOf(connectionViewSchema),
    handle: ({ query, caller }, services) => {
      const { items, next } = pageByName(visibleConnections(services, caller), query)
      return { body: { items: items.map((connection) => connectionView(connection, caller)), next } }
    },
  }),
  route({
    method: 'GET', path: '/v1/connections/{name}', access: 'anyone', summary: 'Read one connection', reply: connectionViewSchema,
    handle: ({ params, caller }, services) => ({ body: connectionView(visibleConnection(services, caller, params['name']!), caller) }),
  }),
  route({
    method: 'PUT', path: '/v1/connections/{name}', access: ['admin'], configures: true, summary: 'Create or replace one connection; its credential comes sealed to the keys of GET /v1/sealing-keys',
    body: connectionObjectSchema.pick({ labels: true, spec: true }).strict(), reply: connectionViewSchema,
    handle: async ({ params, body, caller }, services) => ({ body: documentView(await put(services, 'connection', { name: nameOf(params), ...body }, caller, false), caller) }),
  }),
  route({
    method: 'POST', path: '/v1/connections', access: ['admin'], configures: true, status: 201, summary: 'Create one connection; its credential comes sealed to the keys of GET /v1/sealing-keys',
    body: connectionObjectSchema.pick({ name: true, labels: true, spec: true }).strict(), reply: connectionViewSchema,
    handle: async ({ body, caller }, services) => ({ body: documentView(await put(services, 'connection', body, caller, true), caller) }),
  }),
  removal('connection', 'connections', 'connection'),
]

export const directoryRoutes: readonly Route[] = [
  ...connectionRoutes,
  ...crud({ kind: 'agent', path: 'agents', title: 'agent', view: agentSchema, spec: agentSpecSchema }),
  ...retiredAgentRoutes,
  ...crud({ kind: 'issuer', path: 'issuers', title: 'issuer', view: issuerViewSchema, spec: issuerSpecSchema }),
  ...crud({ kind: 'role-binding', path: 'role-bindings', title: 'role binding', view: roleBindingViewSchema, spec: roleBindingSpecSchema }),
]
