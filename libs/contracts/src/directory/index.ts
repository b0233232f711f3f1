import { z } from 'zod'
import { managedBySchema, nameSchema } from '../change/index.js'
import { agentSpecSchema, connectionSpecSchema, type CredentialKind } from './specs.js'
import { issuerSchema, partySchema, principalSchema } from '../identity/index.js'
import { empty, rpc } from '../rpc/index.js'

export const connectionSchema = z.object({
  name: nameSchema,
  labels: z.record(z.string(), z.string()),
  spec: connectionSpecSchema,
  managedBy: managedBySchema,
  revision: z.number().int(),
})
export type Connection = z.infer<typeof connectionSchema>

export const agentSchema = z.object({ name: nameSchema, spec: agentSpecSchema, managedBy: managedBySchema, revision: z.number().int() })
export type Agent = z.infer<typeof agentSchema>

/** Connection by name; `not-found` when there is none. */
export const lookUpConnection = rpc('sallyport.rpc.directory.connection', z.object({ name: z.string() }), connectionSchema)
export const listIssuers = rpc('sallyport.rpc.directory.issuers', empty, z.object({ issuers: z.array(issuerSchema) }))
/** Which of these parties are registered agents, and who answers for them. */
export const lookUpParties = rpc('sallyport.rpc.directory.parties', z.object({ parties: z.array(partySchema) }), z.object({ parties: z.array(partySchema) }))
/** Session credential `spc_…`, shown as hex SHA-256 of its text: who it stands for, for which connection, until when. `forbidden` when unknown, expired or revoked. */
export const verifyCredential = rpc('sallyport.rpc.directory.credential', z.object({ sha256: z.string(), connection: z.string() }), z.object({ id: z.string(), principal: principalSchema, expiresAt: z.iso.datetime() }))

/** Published by every replica that answers look-ups, while its directory is verified against the database (core NATS, not stored). */
export const DIRECTORY_HEARTBEAT = 'sallyport.heartbeat.directory'

/** JWE additional authenticated data: changing any of these makes the sealed credential unusable. */
export const sealingContext = (connection: string, target: { host: string; port: number; tls: string }, { username, kind }: { username: string; kind: CredentialKind }): string =>
  JSON.stringify(['sallyport-credential/v1', connection, target.host, target.port, target.tls, username, ...(kind === 'password' ? [] : [kind])])

/**
 * What is learned of a connection's target once and for all (its host key where the connection trusts the first one), by compare-and-set:
 * answers what is remembered under the name, which is `value` when nothing was. `not-found` when there is no such connection.
 */
export const rememberOfTarget = rpc('sallyport.rpc.directory.remember', z.object({ connection: z.string(), name: z.string().max(64), value: z.string().max(8 * 1024) }), z.object({ value: z.string() }))

export { agentSpecSchema, retiredAgentSpecSchema, connectionSpecSchema, credentialKinds, credentialKindSchema, durabilitySchema, recordingSchema, sealedCredentialSchema, targetSchema, tlsModes, tlsModeSchema } from './specs.js'
export type { ConnectionSpec, CredentialKind } from './specs.js'
export { agentObjectSchema, applyReplySchema, applyRequestSchema, connectionObjectSchema, issuerObjectSchema, issuerSpecSchema, maskingRuleObjectSchema, policyObjectSchema, roleBindingObjectSchema, roleBindingSpecSchema } from './configuration.js'
export type { ApplyReply, ApplyRequest } from './configuration.js'
export { credentialEventSchemas, credentialEventTypes, directoryDocumentSchema, directoryEventSchemas, learnedEventSchemas, learnedEventType } from './events.js'
