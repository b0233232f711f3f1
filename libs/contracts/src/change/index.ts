import { z } from 'zod'

/** RFC 1123 label: the form of every object's name. */
export const nameSchema = z.string().regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'a name is an RFC 1123 label: lower-case letters, digits and "-", at most 63')

/** Where an object came from; what git manages, nobody edits elsewhere. */
export const managedBySchema = z.enum(['git', 'api', 'generated'])
export type ManagedBy = z.infer<typeof managedBySchema>

/** Position of a fault in the configuration. `file` is what the applying side called it. */
export const faultSchema = z.object({
  file: z.string().optional(),
  line: z.number().int().optional(),
  column: z.number().int().optional(),
  field: z.string().optional(),
  message: z.string(),
})
export type Fault = z.infer<typeof faultSchema>

/** One line of the difference an apply would make. */
export const differenceSchema = z.object({
  kind: z.string(),
  name: z.string(),
  change: z.enum(['create', 'update', 'delete', 'none']),
})
export type Difference = z.infer<typeof differenceSchema>

/**
 * Two-phase change of the configuration of several services. `stage` validates and persists the whole desired set
 * under a change id and answers the difference; nothing is in force until `activate`. `activate` and `discard` are idempotent.
 */
export const stageReplySchema = z.object({ differences: z.array(differenceSchema), faults: z.array(faultSchema) })
export const activateSchema = z.object({ change: z.string() })
export const activatedSchema = z.object({ revision: z.number().int() })
