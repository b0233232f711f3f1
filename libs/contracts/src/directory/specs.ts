import { z } from 'zod'
import { nameSchema } from '../change/index.js'

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

/** What the gateway shows the target; each protocol takes some of them. */
export const credentialKinds = ['password', 'private-key', 'certificate-authority'] as const
export const credentialKindSchema = z.enum(credentialKinds)

/** A target credential sealed (JWE) to the proxies' keys and bound to connection, host, port, TLS mode, user, and what it is. */
export const sealedCredentialSchema = z.object({ username: z.string().min(1).max(128), kind: credentialKindSchema.default('password'), sealed: z.string().max(16 * 1024).optional() }).strict()

/** Bytes kept of each command: `results` of rows and the like, `output` of what is streamed (terminals are kept whole). */
export const recordingSchema = z.object({
  results: z.number().int().min(0).max(1024 * 1024).default(65536),
  output: z.number().int().min(0).max(1024 * 1024 * 1024).default(1024 * 1024),
}).strict().default({ results: 65536, output: 1024 * 1024 })

export const connectionSpecSchema = z.object({
  protocol: z.string(),
  target: targetSchema,
  credentials: sealedCredentialSchema,
  durability: durabilitySchema.default('stored'),
  recording: recordingSchema,
  /** The protocol's own, checked by its descriptor. */
  options: z.record(z.string(), z.unknown()).default({}),
}).strict()
export type ConnectionSpec = z.infer<typeof connectionSpecSchema>
export type CredentialKind = z.infer<typeof credentialKindSchema>

export const agentSpecSchema = z.object({ issuer: z.string(), subject: z.string(), owner: z.string(), connections: z.array(nameSchema).max(1000) }).strict()
/** A subject that was registered as an agent and is so no longer. */
export const retiredAgentSpecSchema = agentSpecSchema.omit({ connections: true })
