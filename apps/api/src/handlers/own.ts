import { nameSchema } from '@sallyport/contracts/change'
import { principalSchema } from '@sallyport/contracts/identity'
import { roles } from '@sallyport/identity'
import { z } from 'zod'
import { sealingKeysOf } from '../config.js'
import { TTL_MAX_S } from '../credentials/decide.js'
import { Problem } from '../http/problem.js'
import { route, type Route } from '../http/route.js'
import { visibleConnection } from './directory.js'

/** A line as in `authorized_keys`, or its middle: the base64 alone. Options before it are not taken. */
const publicKeySchema = z.string().max(16 * 1024).regex(/^\s*(?:[a-z0-9@.-]+\s+)?[A-Za-z0-9+/]{40,}={0,2}(?:\s.*)?$/, 'a public key is written as in a .pub file: type, base64, comment')
  .transform((line) => /[A-Za-z0-9+/]{40,}={0,2}/.exec(line)![0])
const credentialSchema = z.object({ id: z.string(), credential: z.string().optional(), connection: nameSchema, expiresAt: z.iso.datetime() })
const whoamiSchema = z.object({ principal: principalSchema, roles: z.array(z.enum(roles)), expiresAt: z.iso.datetime() })
const listenersSchema = z.object({ listeners: z.record(z.string(), z.object({ host: z.string(), port: z.number().int() })) })
const keysSchema = z.object({ keys: z.array(z.record(z.string(), z.unknown())) })

/** What one asks about oneself and for oneself. */
export const ownRoutes: readonly Route[] = [
  route({
    method: 'GET', path: '/v1/whoami', access: 'anyone', summary: 'Who the token says one is, for whom one acts, and which roles one has', reply: whoamiSchema,
    handle: ({ caller }) => ({ body: { principal: caller.principal, roles: [...caller.roles], expiresAt: caller.expiresAt.toISOString() } }),
  }),
  route({
    method: 'POST', path: '/v1/credentials', access: 'anyone', summary: 'Make a session credential for one connection; it is shown once. With a public key: let its holder in', repeats: 'once', status: 201,
    body: z.object({ connection: nameSchema, ttlSeconds: z.number().int().min(1).max(TTL_MAX_S).optional(), publicKey: publicKeySchema.optional() }).strict(), reply: credentialSchema,
    handle: async ({ body, caller }, services) => {
      visibleConnection(services, caller, body.connection)
      return { body: await services.credentials.issue({ principal: caller.principal, ...body, tokenExpiresAt: caller.expiresAt }) }
    },
  }),
  route({
    method: 'DELETE', path: '/v1/credentials/{id}', access: 'anyone', summary: 'Revoke a session credential: one\'s own; for admins any',
    handle: async ({ params, caller }, { credentials }) => {
      await credentials.revoke(params['id']!, caller.roles.has('admin') ? undefined : caller.principal.uid, caller.principal.uid)
      return {}
    },
  }),
  route({
    method: 'GET', path: '/v1/listeners', access: 'anyone', summary: 'Where clients connect, by protocol', reply: listenersSchema,
    handle: (_, { config }) => ({ body: { listeners: config.SALLYPORT_LISTENERS } }),
  }),
  route({
    method: 'GET', path: '/v1/sealing-keys', access: 'anyone', summary: 'Public keys to which target credentials are sealed before they are sent', reply: keysSchema,
    handle: (_, { config }) => {
      const keys = sealingKeysOf(config)
      if (keys.length === 0) throw new Problem('unavailable', 'No sealing keys are set up: SALLYPORT_SEALING_KEYS of the API.')
      return { body: { keys } }
    },
  }),
]
