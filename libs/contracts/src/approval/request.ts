import { z } from 'zod'
import { principalSchema } from '../identity/index.js'
import { approvalNeedSchema } from '../policy/index.js'

/** requested → approved → released → executed; or denied, withdrawn, expired; approved and never run in time: lapsed. */
export const approvalStatuses = ['requested', 'approved', 'denied', 'withdrawn', 'expired', 'released', 'executed', 'lapsed'] as const
export const approvalStatusSchema = z.enum(approvalStatuses)
export type ApprovalStatus = z.infer<typeof approvalStatusSchema>

/** hold: the command waits in flight in `proxy`. park: it was refused, and the same digest from the same principal runs once after approval. */
export const approvalModeSchema = z.enum(['hold', 'park'])

export const approvalRequestSchema = z.object({
  command: z.string(),
  session: z.string(),
  proxy: z.string(),
  principal: principalSchema,
  connection: z.string(),
  action: z.string(),
  /** Masked text of the command: what the list shows. The exact text is fetched from the proxy and never stored. */
  summary: z.string().max(16 * 1024),
  /** Hex SHA-256 (keyed) over everything that must be the same when it runs. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  needs: z.array(approvalNeedSchema).min(1).max(16),
  mode: approvalModeSchema,
})
export type ApprovalRequest = z.infer<typeof approvalRequestSchema>

/** One person's verdict. `groups`: the groups that were asked for and that this person was in then. */
export const resolutionSchema = z.object({ by: z.string(), groups: z.array(z.string()), verdict: z.enum(['approve', 'deny']), comment: z.string(), at: z.iso.datetime() })
export type Resolution = z.infer<typeof resolutionSchema>
