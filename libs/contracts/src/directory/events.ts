import { z } from 'zod'
import { managedBySchema, nameSchema } from '../change/index.js'
import { issuerSpecSchema, roleBindingSpecSchema } from './configuration.js'
import { agentSpecSchema, connectionSpecSchema, retiredAgentSpecSchema } from './specs.js'

/** What one object of the directory says; `object` is its name among its kind. */
const contentSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('connection'), object: nameSchema, labels: z.record(z.string(), z.string()), spec: connectionSpecSchema }),
  z.object({ kind: z.literal('agent'), object: nameSchema, spec: agentSpecSchema }),
  z.object({ kind: z.literal('retired-agent'), object: nameSchema, spec: retiredAgentSpecSchema }),
  z.object({ kind: z.literal('issuer'), object: nameSchema, spec: issuerSpecSchema }),
  z.object({ kind: z.literal('role-binding'), object: nameSchema, spec: roleBindingSpecSchema }),
])

/** All kinds are one set, so that what refers to each other is judged and changed together. `name` is `<kind>/<object>`. */
export const directoryDocumentSchema = z.object({
  name: z.string().max(100),
  managedBy: managedBySchema,
  version: z.number().int(),
  file: z.string().optional(),
  line: z.number().int().optional(),
  content: contentSchema,
})

/** Connections, agents, removed agents, issuers and role bindings: one aggregate for each, the event's `subject` is its `name`. */
export const directoryEventSchemas = {
  'sallyport.directory.put.v1': z.object({ document: directoryDocumentSchema.omit({ version: true }) }),
  'sallyport.directory.removed.v1': z.object({ name: z.string().max(100) }),
} as const

export const credentialEventTypes = { issued: 'sallyport.credential.issued.v1', revoked: 'sallyport.credential.revoked.v1' } as const
/** `credential` is its id; its text is in no event. */
export const credentialEventSchemas = {
  [credentialEventTypes.issued]: z.object({ credential: z.string(), uid: z.string(), connection: z.string(), expiresAt: z.iso.datetime() }),
  [credentialEventTypes.revoked]: z.object({ credential: z.string() }),
} as const

export const learnedEventType = 'sallyport.connection.learned.v1'
/** What was learned of a connection's target (`host:port`) once and for all, under a name of the protocol's. */
export const learnedEventSchemas = { [learnedEventType]: z.object({ connection: z.string(), target: z.string(), name: z.string(), value: z.string() }) } as const
