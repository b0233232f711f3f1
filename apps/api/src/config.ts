import { existsSync, readFileSync } from 'node:fs'
import type { Issuer } from '@sallyport/contracts/identity'
import { z } from 'zod'

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/
const ON = z.enum(['0', '1', 'true', 'false', '']).default('').transform((text) => text === '1' || text === 'true')

/** A public key to seal to (RFC 7517): P-256, with the id by which proxies find their private half. Anything private in it is refused. */
export const sealingKeySchema = z.object({ kty: z.literal('EC'), crv: z.literal('P-256'), x: z.string(), y: z.string(), kid: z.string().optional(), alg: z.string().optional(), use: z.string().optional() }).strict()
export const sealingKeysSchema = z.object({ keys: z.array(sealingKeySchema).max(32) }).strict()

const keysOf = (text: string, context: z.RefinementCtx): z.output<typeof sealingKeysSchema> => {
  if (text === '') return { keys: [] }
  try {
    return sealingKeysSchema.parse(JSON.parse(text))
  } catch {
    // What is wrong with it isn't repeated: somebody may have given the private keys.
    context.addIssue({ code: 'custom', message: 'is not a JWKS of public P-256 keys (RFC 7517): {"keys":[{"kty":"EC","crv":"P-256","x":…,"y":…}]}' })
    return { keys: [] }
  }
}

const listenersSchema = z.record(z.string(), z.object({ host: z.string(), port: z.number().int() }))

const listenersOf = (text: string, context: z.RefinementCtx): z.output<typeof listenersSchema> => {
  try {
    return listenersSchema.parse(JSON.parse(text))
  } catch {
    context.addIssue({ code: 'custom', message: 'is not JSON of the form {"<protocol>":{"host":…,"port":…}}' })
    return {}
  }
}

/** Settings of api, besides those of every service. */
export const configSchema = z.object({
  /** PostgreSQL database in which the service owns the schema `api`. */
  SALLYPORT_DATABASE_URL: z.string().min(1),
  /** Public keys of the proxies, to whom target credentials are sealed: a JWKS, or the file that holds it. */
  SALLYPORT_SEALING_KEYS: z.string().default('').transform(keysOf),
  SALLYPORT_SEALING_KEYS_FILE: z.string().optional().transform((file, context) => {
    if (file === undefined || file === '') return undefined
    if (existsSync(file)) return keysOf(readFileSync(file, 'utf8'), context)
    context.addIssue({ code: 'custom', message: `there is no file ${file}` })
    return undefined
  }),
  /** URL of the development issuer, trusted while no Issuer is configured. */
  SALLYPORT_DEV_ISSUER: z.url().optional(),
  /** Where the services fetch its keys, when they reach it at another address than clients do (in containers). */
  SALLYPORT_DEV_ISSUER_KEYS: z.url().optional(),
  SALLYPORT_DEV_IDP_ALLOW_NETWORK: ON,
  /** Where clients connect, by protocol, as JSON: `{"postgres":{"host":"127.0.0.1","port":7432}}`. */
  SALLYPORT_LISTENERS: z.string().default('{}').transform(listenersOf),
}).refine((config) => config.SALLYPORT_DEV_IDP_ALLOW_NETWORK || [config.SALLYPORT_DEV_ISSUER, config.SALLYPORT_DEV_ISSUER_KEYS].every((url) => url === undefined || LOOPBACK.test(new URL(url).hostname)), {
  path: ['SALLYPORT_DEV_ISSUER'], message: 'the development issuer gives anybody any identity: it has to be on loopback (or set SALLYPORT_DEV_IDP_ALLOW_NETWORK=1)',
})
export type Config = z.output<typeof configSchema>
type SealingKeys = z.output<typeof sealingKeysSchema>

/** Keys to seal to: the file's, or those of the environment itself. */
export const sealingKeysOf = (config: Config): SealingKeys['keys'] => (config.SALLYPORT_SEALING_KEYS_FILE ?? config.SALLYPORT_SEALING_KEYS).keys

/** Trusted while no Issuer is configured, where the installation has one. */
export const developmentIssuerOf = ({ SALLYPORT_DEV_ISSUER: url, SALLYPORT_DEV_ISSUER_KEYS: keysUrl }: Config): Issuer | undefined =>
  (url === undefined ? undefined : { name: 'development', url: url.replace(/\/$/, ''), audience: 'sallyport', groupsClaim: 'groups', primary: true, people: { claim: 'principal_kind', values: ['person'] }, ...(keysUrl === undefined ? {} : { keysUrl }) })
