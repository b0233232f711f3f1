import { z } from 'zod'
import { approvalRequestSchema, resolutionSchema } from './request.js'

/**
 * Events of the aggregate `approval`, relayed to `controlSubject('approval')`; the CloudEvent's `subject` is the approval's id,
 * its `sequence` the version. Each event says enough to be joined to session and command without looking at an earlier one,
 * and `status` is the approval's status after it. A verdict that decides comes as two events: `resolution-recorded`, then
 * `approved` or `denied`.
 */
export const approvalEventTypes = {
  requested: 'sallyport.approval.requested.v1',
  resolutionRecorded: 'sallyport.approval.resolution-recorded.v1',
  approved: 'sallyport.approval.approved.v1',
  denied: 'sallyport.approval.denied.v1',
  withdrawn: 'sallyport.approval.withdrawn.v1',
  expired: 'sallyport.approval.expired.v1',
  released: 'sallyport.approval.released.v1',
  executed: 'sallyport.approval.executed.v1',
  lapsed: 'sallyport.approval.lapsed.v1',
} as const
export type ApprovalEventType = (typeof approvalEventTypes)[keyof typeof approvalEventTypes]

/** In every event. `session` and `command` are those that asked; `uid` is the principal's. */
const about = {
  approval: z.string(),
  session: z.string(),
  command: z.string(),
  uid: z.string(),
  connection: z.string(),
  action: z.string(),
  at: z.iso.datetime(),
}

/** `expiresAt`: from then on nobody can approve it any more. */
export const approvalRequestedSchema = z.object({ ...about, status: z.literal('requested'), request: approvalRequestSchema, expiresAt: z.iso.datetime() })
export const approvalResolutionRecordedSchema = z.object({ ...about, status: z.enum(['requested', 'approved']), ...resolutionSchema.shape })
/** `by`: the people whose approvals were counted. `lapsesAt`: from then on it can't run any more. */
export const approvalApprovedSchema = z.object({ ...about, status: z.literal('approved'), by: z.array(z.string()), lapsesAt: z.iso.datetime() })
export const approvalDeniedSchema = z.object({ ...about, status: z.literal('denied'), by: z.string(), comment: z.string() })
export const approvalWithdrawnSchema = z.object({ ...about, status: z.literal('withdrawn'), reason: z.string() })
export const approvalExpiredSchema = z.object({ ...about, status: z.literal('expired') })
/** `releasedTo`: the command that runs under it (of a parked one: the retry, another than `command`), and the proxy that runs it. */
export const approvalReleasedSchema = z.object({ ...about, status: z.literal('released'), releasedTo: z.object({ proxy: z.string(), command: z.string() }) })
export const approvalExecutedSchema = z.object({ ...about, status: z.literal('executed'), outcome: z.string() })
export const approvalLapsedSchema = z.object({ ...about, status: z.literal('lapsed') })

export const approvalEventSchemas = {
  [approvalEventTypes.requested]: approvalRequestedSchema,
  [approvalEventTypes.resolutionRecorded]: approvalResolutionRecordedSchema,
  [approvalEventTypes.approved]: approvalApprovedSchema,
  [approvalEventTypes.denied]: approvalDeniedSchema,
  [approvalEventTypes.withdrawn]: approvalWithdrawnSchema,
  [approvalEventTypes.expired]: approvalExpiredSchema,
  [approvalEventTypes.released]: approvalReleasedSchema,
  [approvalEventTypes.executed]: approvalExecutedSchema,
  [approvalEventTypes.lapsed]: approvalLapsedSchema,
} as const

/** One event with its data, discriminated by `type`. */
export type ApprovalEvent = { readonly [T in ApprovalEventType]: { readonly type: T; readonly data: Readonly<z.infer<(typeof approvalEventSchemas)[T]>> } }[ApprovalEventType]
