import { z } from 'zod'
import { principalSchema } from '../identity/index.js'
import { listOf, page, rpc } from '../rpc/index.js'
import { approvalRequestSchema, approvalStatusSchema, resolutionSchema } from './request.js'

export {
  approvalApprovedSchema, approvalDeniedSchema, approvalEventSchemas, approvalEventTypes, approvalExecutedSchema, approvalExpiredSchema,
  approvalLapsedSchema, approvalReleasedSchema, approvalRequestedSchema, approvalResolutionRecordedSchema, approvalWithdrawnSchema,
} from './events.js'
export type { ApprovalEvent, ApprovalEventType } from './events.js'
export { needsCovered } from './needs.js'
export { approvalModeSchema, approvalRequestSchema, approvalStatuses, approvalStatusSchema, resolutionSchema } from './request.js'
export type { ApprovalRequest, ApprovalStatus, Resolution } from './request.js'

export const approvalSchema = approvalRequestSchema.extend({
  id: z.string(),
  status: approvalStatusSchema,
  requestedAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
  resolutions: z.array(resolutionSchema),
  version: z.number().int(),
})
export type Approval = z.infer<typeof approvalSchema>

const id = z.object({ id: z.string() })
const approver = principalSchema

/*
 * What a proxy asks is addressed with `at(contract, proxy)`: the bus lets each proxy publish under its own name only, and what is asked
 * counts as asked by the proxy of that name, whatever the request says.
 */

/** From a proxy, whose name `proxy` must be. Records the request. For `park` an open approval with the same digest and principal is answered instead of making another. */
export const requestApproval = rpc('sallyport.rpc.approval.request', approvalRequestSchema, approvalSchema)
/** From the API; from a proxy for what it asked for or was given. */
export const getApproval = rpc('sallyport.rpc.approval.get', id, approvalSchema)
/**
 * Newest first; filters are joined by "and". `approved`: people agreed, whether it has run or not; `expired`: also what was approved and never run.
 * `requester`: a uid that stands behind the request (itself, in its chain, or owner of its agent). `groups`: at least one of them is asked.
 */
export const listApprovals = rpc('sallyport.rpc.approval.list', z.object({ ...page, status: z.enum(['pending', 'approved', 'denied', 'expired', 'withdrawn']).optional(), requester: z.string().optional(), groups: z.array(z.string()).optional() }), listOf(approvalSchema))
/** Counts people: one person counts for one need only. `forbidden` for agents, for everybody behind the request, and outside the needed groups. */
export const approve = rpc('sallyport.rpc.approval.approve', id.extend({ approver, comment: z.string().max(4000) }), approvalSchema)
/** One eligible person is enough, also after an approval as long as nothing has run. Needs a comment. */
export const deny = rpc('sallyport.rpc.approval.deny', id.extend({ approver, comment: z.string().max(4000) }), approvalSchema)
/** From the proxy that asked: the client cancelled or went away, or the proxy gave up waiting. */
export const withdraw = rpc('sallyport.rpc.approval.withdraw', id.extend({ reason: z.string() }), approvalSchema)
/** From the proxy that asked. Compare-and-set approved → released, at most once, with the digest that is about to run; `conflict` when anything differs. */
export const release = rpc('sallyport.rpc.approval.release', id.extend({ digest: z.string(), command: z.string() }), approvalSchema)
/** From any proxy, for parked commands: claims the approved one with this digest and principal, if any (compare-and-set, at most once). */
export const claim = rpc('sallyport.rpc.approval.claim', z.object({ digest: z.string(), uid: z.string(), command: z.string() }), z.object({ approval: approvalSchema.nullable() }))
/** From the proxy that it was given to. */
export const executed = rpc('sallyport.rpc.approval.executed', id.extend({ outcome: z.string() }), approvalSchema)

/** Core NATS notice to the proxy that holds the command; the proxy also asks `get` now and then, so a lost notice only delays. */
export const approvalNoticeSubject = (proxy: string): string => `sallyport.approval.resolved.${proxy}`
export const approvalNoticeSchema = z.object({ id: z.string(), status: approvalStatusSchema })
