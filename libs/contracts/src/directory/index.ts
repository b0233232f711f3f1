import { z } from 'zod'
import { managedBySchema, nameSchema } from '../change/index.js'
import { issuerSchema, partySchema, principalSchema } from '../identity/index.js'
import { empty, rpc } from '../rpc/index.js'

/** libpq's `sslmode`, as every protocol understands it: verify-ca and verify-full check against `ca` or the system's roots. */
export const tlsModes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const
export const tlsModeSchema = z.enum(tlsModes)

export const targetSchema = z.object({
  host: z.string().min(1).max(255),
  port: z.number().int().min(1).max(65535),
  database: z.string().max(63).optional(),
  tls: tlsModeSchema.default('verify-full'),
  /** PEM of the authorities that may sign the target's certificate. */
  ca: z.string().optional(),
}).strict()

export const durabilitySchema = z.enum(['stored', 'stream'])

/** A target credential sealed (JWE) to the proxies' keys and bound to connection, host, port, TLS mode and user. */
export const sealedCredentialSchema = z.object({ username: z.string().min(1).max(128), sealed: z.string().max(16 * 1024).optional() }).strict()

export const connectionSpecSchema = z.object({
  protocol: z.string(),
  target: targetSchema,
  credentials: sealedCredentialSchema,
  durability: durabilitySchema.default('stored'),
  recording: z.object({ results: z.number().int().min(0).max(1024 * 1024).default(65536) }).strict().default({ results: 65536 }),
}).strict()
export type ConnectionSpec = z.infer<typeof connectionSpecSchema>

export const connectionSchema = z.object({
  name: nameSchema,
  labels: z.record(z.string(), z.string()),
  spec: connectionSpecSchema,
  managedBy: managedBySchema,
  revision: z.number().int(),
})
export type Connection = z.infer<typeof connectionSchema>

export const agentSpecSchema = z.object({ issuer: z.string(), subject: z.string(), owner: z.string(), connections: z.array(nameSchema).max(1000) }).strict()
export const agentSchema = z.object({ name: nameSchema, spec: agentSpecSchema, managedBy: managedBySchema, revision: z.number().int() })
export type Agent = z.infer<typeof agentSchema>

/** Connection by name; `not-found` when there is none. */
export const lookUpConnection = rpc('sallyport.rpc.directory.connection', z.object({ name: z.string() }), connectionSchema)
export const listIssuers = rpc('sallyport.rpc.directory.issuers', empty, z.object({ issuers: z.array(issuerSchema) }))
/** Which of these parties are registered agents, and who answers for them. */
export const lookUpParties = rpc('sallyport.rpc.directory.parties', z.object({ parties: z.array(partySchema) }), z.object({ parties: z.array(partySchema) }))
/** Session credential `spc_…`, shown as hex SHA-256 of its text: who it stands for, for which connection, until when. `forbidden` when unknown, expired or revoked. */
export const verifyCredential = rpc('sallyport.rpc.directory.credential', z.object({ sha256: z.string(), connection: z.string() }), z.object({ id: z.string(), principal: principalSchema, expiresAt: z.iso.datetime() }))

/** JWE additional authenticated data: changing any of these makes the sealed credential unusable. */
export const sealingContext = (connection: string, target: { host: string; port: number; tls: string }, username: string): string =>
  JSON.stringify(['sallyport-credential/v1', connection, target.host, target.port, target.tls, username])
