import { z } from 'zod'
import { activateSchema, activatedSchema, managedBySchema, nameSchema, stageReplySchema } from '../change/index.js'
import { principalSchema } from '../identity/index.js'
import { connectionFactsSchema } from '../policy/index.js'
import { empty, listOf, rpc } from '../rpc/index.js'

export const detectorIds = ['email', 'credit_card', 'aws_access_key', 'private_key', 'jwt', 'generic_secret', 'national_id'] as const
export const detectorIdSchema = z.enum(detectorIds)
export type DetectorId = z.infer<typeof detectorIdSchema>

/** redact: a fixed placeholder; partial: all but the last `keep` characters; hash: keyed, joinable; null: SQL NULL or the like. */
export const transformSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('redact') }),
  z.object({ kind: z.literal('partial'), keep: z.number().int().min(1).max(64).default(4) }),
  z.object({ kind: z.literal('hash') }),
  z.object({ kind: z.literal('null') }),
])
export type Transform = z.infer<typeof transformSchema>

/** A pattern of the user's own; it runs on a linear-time engine (RE2 syntax). */
export const customPatternSchema = z.object({ name: nameSchema, pattern: z.string().min(1).max(1000) })

export const selectorSchema = z.union([
  z.object({ names: z.array(nameSchema).min(1) }).strict(),
  z.object({ matchLabels: z.record(z.string(), z.string()) }).strict(),
])

/** `schema.table.column`; `*` within a part is a wildcard. */
export const columnPatternSchema = z.string().regex(/^[^.]+\.[^.]+\.[^.]+$/, 'a column pattern is schema.table.column, "*" is a wildcard')

export const maskingRuleSpecSchema = z.object({
  connections: selectorSchema,
  columns: z.array(columnPatternSchema).max(1000).default([]),
  detect: z.array(detectorIdSchema).default([]),
  patterns: z.array(customPatternSchema).max(100).default([]),
  transform: transformSchema.default({ kind: 'redact' }),
  except: z.object({ groups: z.array(z.string()) }).strict().optional(),
}).strict()
export type MaskingRuleSpec = z.infer<typeof maskingRuleSpecSchema>

export const maskingRuleSchema = z.object({ name: nameSchema, spec: maskingRuleSpecSchema, managedBy: managedBySchema, version: z.number().int(), file: z.string().optional(), line: z.number().int().optional() })
export type MaskingRule = z.infer<typeof maskingRuleSchema>

/** A relation as the target's catalog names it. `lineage`: names under which its columns are also known (partition parents, tables under a view). */
export const relationSchema = z.object({
  schema: z.string().nullable(),
  name: z.string(),
  /**
   * Absent: not known to be anything but what it is called; empty: known to stand for itself only. `columns`: those of the base relation
   * that it shows or uses, which may have other names in it; absent: any of them.
   */
  lineage: z.array(z.object({ schema: z.string().nullable(), name: z.string(), columns: z.array(z.string()).optional() })).optional(),
})

/**
 * What an operation reads or writes, as far as it was proven. Names are unresolved where `schema` is null.
 * `opaque`: something is called or read that could return anything (an unknown function, dynamic SQL).
 */
export const touchesSchema = z.object({
  relations: z.array(relationSchema),
  /** Last part of every column reference, anywhere in the statement. */
  columns: z.array(z.string()),
  /** `*`, a whole row, a renamed column list: every column of the relations must be taken as read. */
  everything: z.boolean(),
  opaque: z.boolean(),
})
export type Touches = z.infer<typeof touchesSchema>

/** Where an output column comes from. `names` are all (schema, table, column) triples it is known under: its own relation's and those of partition parents. */
export const originSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('column'), names: z.array(z.object({ schema: z.string(), table: z.string(), column: z.string() })).min(1), view: z.boolean() }),
  z.object({ kind: z.literal('unknown') }),
])
export type Origin = z.infer<typeof originSchema>

export const planRequestSchema = z.object({
  connection: connectionFactsSchema,
  principal: principalSchema,
  touches: touchesSchema,
  outputs: z.array(z.object({ name: z.string(), origin: originSchema })).max(2000),
})
export type PlanRequest = z.infer<typeof planRequestSchema>

/** What happens to one output: `pass` (detectors still run), or a transform by the named rule. */
export const outputMaskSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('pass') }),
  z.object({ kind: z.literal('mask'), rule: z.string(), transform: transformSchema }),
])

/** One rule's content detection, applied to every passing text output and to free texts (errors, notices). */
export const detectionSchema = z.object({ rule: z.string(), detectors: z.array(detectorIdSchema), patterns: z.array(customPatternSchema), transform: transformSchema })

/** The plan. Cached under the request's shape while the masking heartbeat names `revision`. `hashKey`: base64, for the keyed hash; secret. */
export const maskPlanSchema = z.object({
  revision: z.number().int(),
  outputs: z.array(outputMaskSchema),
  detection: z.array(detectionSchema),
  /** The operation touches masked columns (or may): unknown outputs were nulled, free texts and literals must be hidden. */
  touchesMasked: z.boolean(),
  /** Column rules exist for this connection and principal at all. */
  columnRules: z.boolean(),
  hashKey: z.string(),
})
export type MaskPlanReply = z.infer<typeof maskPlanSchema>

const actor = z.string()
export const plan = rpc('sallyport.rpc.masking.plan', planRequestSchema, maskPlanSchema)
export const preview = rpc('sallyport.rpc.masking.preview', z.object({ spec: maskingRuleSpecSchema, samples: z.array(z.object({ column: z.string().optional(), value: z.string().max(65536) })).max(100) }), z.object({ results: z.array(z.object({ value: z.string().nullable(), masked: z.boolean(), by: z.array(z.string()) })) }))
export const listRules = rpc('sallyport.rpc.masking.list', empty, listOf(maskingRuleSchema))
export const putRule = rpc('sallyport.rpc.masking.put', z.object({ rule: maskingRuleSchema.omit({ version: true }), actor }), z.object({ rule: maskingRuleSchema, revision: z.number().int() }))
export const removeRule = rpc('sallyport.rpc.masking.remove', z.object({ name: nameSchema, managedBy: managedBySchema, actor }), z.object({ revision: z.number().int() }))
export const stageRules = rpc('sallyport.rpc.masking.stage', z.object({ change: z.string(), managedBy: managedBySchema, prune: z.boolean(), actor, rules: z.array(maskingRuleSchema.omit({ version: true, managedBy: true })) }), stageReplySchema)
export const activateRules = rpc('sallyport.rpc.masking.activate', activateSchema, activatedSchema)
export const discardRules = rpc('sallyport.rpc.masking.discard', activateSchema, empty)
