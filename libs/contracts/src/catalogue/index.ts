import { z } from 'zod'
import { approvalEventSchemas } from '../approval/index.js'
import { sessionEventSchemas } from '../session/index.js'
import { maskingRuleSchema } from '../masking/index.js'
import { policyDocumentSchema } from '../policy/index.js'

/** What an outbox adds to the data of every event that it relays. */
const relayed = { aggregate: z.string(), actor: z.string() }
const put = <D extends z.ZodObject>(document: D) => z.object({ document, ...relayed })
const removed = z.object({ name: z.string(), ...relayed })

const approvals = Object.fromEntries(Object.entries(approvalEventSchemas).map(([type, schema]) => [type, (schema as z.ZodObject).extend(relayed)]))

/** The schema of `data` of every event that proxies, approval, policy-decision and masking publish, by type. Anything else that they publish is a fault of theirs. */
export const publishedEventSchemas: Readonly<Record<string, z.ZodType>> = {
  ...sessionEventSchemas,
  ...approvals,
  'sallyport.policy.put.v1': put(policyDocumentSchema.omit({ version: true })),
  'sallyport.policy.removed.v1': removed,
  'sallyport.masking-rule.put.v1': put(maskingRuleSchema.omit({ version: true })),
  'sallyport.masking-rule.removed.v1': removed,
}
