import { z } from 'zod'
import { activateSchema, activatedSchema, managedBySchema, nameSchema, stageReplySchema, faultSchema } from '../change/index.js'
import { principalSchema } from '../identity/index.js'
import { empty, listOf, rpc } from '../rpc/index.js'

export const actionClasses = ['connect', 'read', 'write', 'schema', 'administer', 'execute', 'transfer', 'forward', 'unmask', 'unrecognised'] as const
export const actionClassSchema = z.enum(actionClasses)
export type ActionClass = z.infer<typeof actionClassSchema>

/** A typed fact of an operation: what Cedar sees in `context`. */
export const factSchema = z.union([z.boolean(), z.number().int(), z.string(), z.array(z.string())])
export const factsSchema = z.record(z.string(), factSchema)

/** One effect of an operation; effects are judged one by one and the strictest answer counts. */
export const effectSchema = z.object({
  /** Precise action, e.g. `sql.delete`. */
  action: z.string(),
  class: actionClassSchema,
  facts: factsSchema,
})

export const connectionFactsSchema = z.object({ name: z.string(), protocol: z.string(), labels: z.record(z.string(), z.string()), revision: z.number().int() })
export type ConnectionFacts = z.infer<typeof connectionFactsSchema>

export const circumstancesSchema = z.object({
  sourceAddress: z.string(),
  intent: z.string().optional(),
  grants: z.array(z.string()).default([]),
})

export const decideRequestSchema = z.object({
  principal: principalSchema,
  connection: connectionFactsSchema,
  effects: z.array(effectSchema).min(1).max(64),
  circumstances: circumstancesSchema,
})
export type DecideRequest = z.infer<typeof decideRequestSchema>

/** One set of approvals that is missing: `count` different people of `group`, asked for by `policy`. */
export const approvalNeedSchema = z.object({
  policy: z.string(),
  group: z.string(),
  count: z.number().int().min(1),
  expiresMs: z.number().int(),
  park: z.boolean(),
})
export type ApprovalNeed = z.infer<typeof approvalNeedSchema>

/**
 * The answer. It holds for exactly the facts asked about (all of `dependsOn`), until `validUntil` (epoch ms, null: no calendar fact was read),
 * and only while the policy heartbeat names `revision`.
 */
export const decideReplySchema = z.object({
  outcome: z.enum(['allow', 'deny', 'hold']),
  /** Ids of the policies that determined the answer; empty when nothing permits. */
  policies: z.array(z.string()),
  reason: z.string(),
  remedy: z.string().optional(),
  needs: z.array(approvalNeedSchema),
  dependsOn: z.array(z.string()),
  validUntil: z.number().nullable(),
  revision: z.number().int(),
})
export type DecideReply = z.infer<typeof decideReplySchema>

/** A Cedar document: one `.cedar` file, one or more policies each with an `@id`. Ids are unique over all documents. */
export const policyDocumentSchema = z.object({
  name: nameSchema,
  text: z.string().max(256 * 1024),
  managedBy: managedBySchema,
  version: z.number().int(),
  file: z.string().optional(),
})
export type PolicyDocument = z.infer<typeof policyDocumentSchema>

export const explainReplySchema = decideReplySchema.extend({
  effects: z.array(z.object({ action: z.string(), party: z.string(), outcome: z.enum(['allow', 'deny', 'hold']), policies: z.array(z.string()), errors: z.array(z.string()) })),
})
export type ExplainReply = z.infer<typeof explainReplySchema>

const actor = z.string().describe('uid of who changes it')
export const decide = rpc('sallyport.rpc.policy.decide', decideRequestSchema, decideReplySchema)
export const explain = rpc('sallyport.rpc.policy.explain', decideRequestSchema, explainReplySchema)
export const listPolicies = rpc('sallyport.rpc.policy.list', empty, listOf(policyDocumentSchema))
export const putPolicy = rpc('sallyport.rpc.policy.put', z.object({ document: policyDocumentSchema.omit({ version: true }), actor }), z.object({ document: policyDocumentSchema, revision: z.number().int() }))
export const removePolicy = rpc('sallyport.rpc.policy.remove', z.object({ name: nameSchema, managedBy: managedBySchema, actor }), z.object({ revision: z.number().int() }))
export const validatePolicies = rpc('sallyport.rpc.policy.validate', z.object({ documents: z.array(policyDocumentSchema.omit({ version: true })) }), z.object({ faults: z.array(faultSchema) }))
/** The whole set of documents of one source (`managedBy`) as it shall be; with `prune` false, documents not named stay. */
export const stagePolicies = rpc('sallyport.rpc.policy.stage', z.object({
  change: z.string(), managedBy: managedBySchema, prune: z.boolean(), actor,
  documents: z.array(policyDocumentSchema.omit({ version: true, managedBy: true })),
  /** Objects that may be referred to: unknown names are faults. */
}), stageReplySchema)
export const activatePolicies = rpc('sallyport.rpc.policy.activate', activateSchema, activatedSchema)
export const discardPolicies = rpc('sallyport.rpc.policy.discard', activateSchema, empty)

/** Published by every policy-decision replica (core NATS, not stored), every 250 ms and at once on a change. */
export const POLICY_HEARTBEAT = 'sallyport.heartbeat.policy'
export const MASKING_HEARTBEAT = 'sallyport.heartbeat.masking'
/** How old a heartbeat may be before cached answers no longer count, in milliseconds. */
export const HEARTBEAT_AGE_MAX_MS = 1000
export const HEARTBEAT_INTERVAL_MS = 250
export const heartbeatSchema = z.object({ revision: z.number().int(), source: z.string() })
