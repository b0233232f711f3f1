import { z } from 'zod'
import { approvalEventSchemas } from '../approval/index.js'
import { credentialEventSchemas, directoryEventSchemas, learnedEventSchemas } from '../directory/index.js'
import { controlSubject, type ControlService } from '../events/index.js'
import { maskingRuleSchema } from '../masking/index.js'
import { policyDocumentSchema } from '../policy/index.js'
import { sessionEventSchemas } from '../session/index.js'

type Schemas = Readonly<Record<string, z.ZodObject>>

/** What an outbox adds to the data of every event that it relays. */
const relayed = { aggregate: z.string(), actor: z.string() }
const fromOutbox = (schemas: Schemas): Schemas => Object.fromEntries(Object.entries(schemas).map(([type, schema]) => [type, schema.extend(relayed)]))
const put = (document: z.ZodObject): z.ZodObject => z.object({ document })
const removed = z.object({ name: z.string() })

/** Who publishes events: a service through its outbox, or the proxies (`session`). */
export type Publisher = Exclude<ControlService, 'audit-store'> | 'session'

/** The schema of `data` of every event that is published, by who publishes it and by type. Anything else that is published is a fault. */
export const publishedEvents: Readonly<Record<Publisher, Schemas>> = {
  session: sessionEventSchemas,
  approval: fromOutbox(approvalEventSchemas),
  'policy-decision': fromOutbox({ 'sallyport.policy.put.v1': put(policyDocumentSchema.omit({ version: true })), 'sallyport.policy.removed.v1': removed }),
  masking: fromOutbox({ 'sallyport.masking-rule.put.v1': put(maskingRuleSchema.omit({ version: true })), 'sallyport.masking-rule.removed.v1': removed }),
  api: fromOutbox({ ...directoryEventSchemas, ...credentialEventSchemas, ...learnedEventSchemas }),
}

/** Who may publish on a subject of the event stream; undefined: nobody. */
export const publisherOf = (subject: string): Publisher | undefined => {
  if (/^sallyport\.evt\.session\.[^.]+\.\d+$/.test(subject)) return 'session'
  return (['approval', 'policy-decision', 'masking', 'api'] as const).find((service) => controlSubject(service) === subject)
}
