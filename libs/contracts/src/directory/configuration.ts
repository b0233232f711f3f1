import { z } from 'zod'
import { differenceSchema, nameSchema } from '../change/index.js'
import { issuerSchema } from '../identity/index.js'
import { maskingRuleSpecSchema } from '../masking/index.js'
import { agentSpecSchema, connectionSpecSchema } from './specs.js'

const urlSchema = z.url({ protocol: /^https?$/ }).max(2000)
const labelsSchema = z.record(z.string().regex(/^[A-Za-z0-9]([-._/A-Za-z0-9]{0,61}[A-Za-z0-9])?$/, 'a label\'s key is letters, digits, "-", "_", "." and "/"'), z.string().max(63))

/** As configured: `name` and position are the object's. The primary issuer's subjects and groups carry no prefix. */
export const issuerSpecSchema = z.object({
  oidc: z.object({ url: urlSchema, audience: z.string().min(1).max(255) }).strict(),
  groupsClaim: z.string().min(1).max(255).default('groups'),
  people: issuerSchema.shape.people,
  primary: z.boolean().default(false),
}).strict()

/** Groups as principals carry them: with `<issuer>/` unless the issuer is primary. */
export const roleBindingSpecSchema = z.object({ role: z.enum(['admin', 'approver', 'auditor']), groups: z.array(z.string().min(1).max(255)).min(1).max(100) }).strict()

/** Where an object was written, as the applying side calls it. */
const position = { file: z.string().max(1000).optional(), line: z.number().int().min(1).optional() }
const object = <S extends z.ZodType>(spec: S) => z.object({ name: nameSchema, spec, ...position }).strict()

export const connectionObjectSchema = z.object({ name: nameSchema, labels: labelsSchema.default({}), spec: connectionSpecSchema, ...position }).strict()
export const agentObjectSchema = object(agentSpecSchema)
export const issuerObjectSchema = object(issuerSpecSchema)
export const roleBindingObjectSchema = object(roleBindingSpecSchema)
export const maskingRuleObjectSchema = object(maskingRuleSpecSchema)
export const policyObjectSchema = z.object({ name: nameSchema, text: z.string().max(256 * 1024), file: z.string().max(1000).optional() }).strict()

/** A whole configuration, parsed and sealed by the applying side. With `prune` false, objects from git that are not named stay. */
export const applyRequestSchema = z.object({
  prune: z.boolean().default(false),
  dryRun: z.boolean().default(false),
  /** Credentials that differ in nothing but their ciphertext are replaced too; without it they stay, for sealing a secret twice gives two ciphertexts. */
  reseal: z.boolean().default(false),
  issuers: z.array(issuerObjectSchema).max(100).default([]),
  roleBindings: z.array(roleBindingObjectSchema).max(1000).default([]),
  connections: z.array(connectionObjectSchema).max(10_000).default([]),
  agents: z.array(agentObjectSchema).max(10_000).default([]),
  maskingRules: z.array(maskingRuleObjectSchema).max(10_000).default([]),
  policies: z.array(policyObjectSchema).max(10_000).default([]),
}).strict()
export type ApplyRequest = z.output<typeof applyRequestSchema>

/** `change` names what was put in force; null: nothing was (a dry run, or everything is so already). */
export const applyReplySchema = z.object({ change: z.string().nullable(), dryRun: z.boolean(), differences: z.array(differenceSchema) })
export type ApplyReply = z.infer<typeof applyReplySchema>
