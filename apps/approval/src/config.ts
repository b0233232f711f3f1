import { z } from 'zod'

/** Settings of the approval service, besides those of every service. */
export const configSchema = z.object({
  /** PostgreSQL database in which the service owns the schema `approval`. */
  SALLYPORT_DATABASE_URL: z.string().min(1),
})
export type Config = z.infer<typeof configSchema>
