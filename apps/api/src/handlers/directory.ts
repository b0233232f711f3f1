import { managedBySchema, nameSchema } from '@sallyport/contracts/change'
import { agentSchema, agentSpecSchema, connectionObjectSchema, connectionSpecSchema, issuerSpecSchema, roleBindingSpecSchema, sealedCredentialSchema, type Connection } from '@sallyport/contracts/directory'
import { listOf } from '@sallyport/contracts/rpc'
import { z } from 'zod'
import { desiredSet, documentName, draftOf, ofKind, type DirectoryKind, type DocumentOf } from '../directory/document.js'
import { Problem } from '../http/problem.js'
import { route, type Caller, type Route } from '../http/route.js'
import type { Services } from '../services.js'
import { found, pageByName, pageQuery } from './lists.js'

const readers = ['admin', 'auditor'] as const
const managed = { name: nameSchema, managedBy: managedBySchema, revision: z.number().int() }

/** A connection as it is shown. What the sealed credential is stays where it is; `sealed` says whether there is one. */
const connectionViewSchema = z.object({
  ...managed,
  labels: connectionObjectSchema.shape.labels,
  spec: connectionSpecSchema.extend({ credentials: sealedCredentialSchema.extend({ sealed: z.boolean() }) }).partial({ target: true, credentials: true, durability: true, recording: true }),
})
const issuerViewSchema = z.object({ ...managed, spec: issuerSpecSchema })
const roleBindingViewSchema = z.object({ ...managed, spec: roleBindingSpecSchema })

const reads = (caller: Caller): boolean => readers.some((role) => caller.roles.has(role))

/** Who neither configures nor audits sees what there is, not where it is nor as whom it is used. */
const connectionView = ({ spec, ...rest }: Connection, caller: Caller): z.infer<typeof connectionViewSchema> =>
  (reads(caller) ? { ...rest, spec: { ...spec, credentials: { username: spec.credentials.username, sealed: spec.credentials.sealed !== undefined } } } : { ...rest, spec: { protocol: spec.protocol } })

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

/** Agents' guards are in force before the agent is, and gone only after it. */
const guardFirst = async ({ directory, guards }: Services, name: string, spec: object): Promise<void> => {
  const desired = desiredSet(directory.documents(), [draftOf('agent', { name, spec })], 'api', false)
  await guards.bring(desired.filter((document) => document.content.kind === 'issuer' || document.name === documentName('agent', name)), false)
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
      method: 'PUT', path: `/v1/${path}/{name}`, access: ['admin'], summary: `Create or replace one ${title}`, body: z.object({ spec }).strict(), reply: view,
      handle: async ({ params, body, caller }, services) => {
        const name = nameOf(params)
        const written = { name, spec: (body as { spec: object }).spec }
        if (kind === 'agent') await guardFirst(services, name, written.spec)
        return { body: simpleView(await services.directory.put(kind, written, caller.principal.uid) as DocumentOf<K>) }
      },
    }),
    removal(kind, path, title),
  ]
}

const removal = (kind: DirectoryKind, path: string, title: string): Route => route({
  method: 'DELETE', path: `/v1/${path}/{name}`, access: ['admin'], summary: `Remove one ${title}`,
  handle: async ({ params, caller }, services) => {
    await services.directory.remove(kind, nameOf(params), caller.principal.uid)
    if (kind === 'agent') await services.guards.bring(services.directory.documents(), true)
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
    method: 'PUT', path: '/v1/connections/{name}', access: ['admin'], summary: 'Create or replace one connection; its credential comes sealed to the keys of GET /v1/sealing-keys',
    body: connectionObjectSchema.pick({ labels: true, spec: true }).strict(), reply: connectionViewSchema,
    handle: async ({ params, body, caller }, { directory }) => {
      const document = await directory.put('connection', { name: nameOf(params), ...body }, caller.principal.uid) as DocumentOf<'connection'>
      const { object, labels, spec, managedBy, version } = document
      return { body: connectionView({ name: object, labels, spec, managedBy, revision: version }, caller) }
    },
  }),
  removal('connection', 'connections', 'connection'),
]

export const directoryRoutes: readonly Route[] = [
  ...connectionRoutes,
  ...crud({ kind: 'agent', path: 'agents', title: 'agent', view: agentSchema, spec: agentSpecSchema }),
  ...crud({ kind: 'issuer', path: 'issuers', title: 'issuer', view: issuerViewSchema, spec: issuerSpecSchema }),
  ...crud({ kind: 'role-binding', path: 'role-bindings', title: 'role binding', view: roleBindingViewSchema, spec: roleBindingSpecSchema }),
]
