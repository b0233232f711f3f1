import { z } from 'zod'

/** Settings of masking, besides those of every service. */
export const configSchema = z.object({
  /** PostgreSQL database in which the service owns the schema `masking`. */
  SALLYPORT_DATABASE_URL: z.string().min(1),
})
export type Config = z.infer<typeof configSchema>
