import { randomBytes } from 'node:crypto'
import { z } from 'zod'

/** What every service reads from its environment, besides its own settings. */
export const runtimeConfigSchema = z.object({
  SALLYPORT_NATS_URL: z.string(),
  SALLYPORT_NATS_USER: z.string().optional(),
  SALLYPORT_NATS_PASSWORD: z.string().optional(),
  SALLYPORT_HTTP_HOST: z.string().default('127.0.0.1'),
  /** Health, readiness and metrics (and, for the API, everything else); 0 for any free port. */
  SALLYPORT_HTTP_PORT: z.coerce.number().int().min(0).max(65535).default(0),
  SALLYPORT_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  /** Name of this process among its kind; part of subjects, so letters, digits, "-" and "_" only. */
  SALLYPORT_INSTANCE: z.string().regex(/^[A-Za-z0-9_-]{1,60}$/).optional(),
  /** How long a starting service waits for NATS, in milliseconds. */
  SALLYPORT_START_MS: z.coerce.number().int().min(0).default(60_000),
  /** How long a stopping service may take to finish what runs, in milliseconds. */
  SALLYPORT_DRAIN_MS: z.coerce.number().int().min(0).default(10_000),
})

export interface RuntimeConfig extends z.infer<typeof runtimeConfigSchema> { // eslint-disable-line @typescript-eslint/no-empty-object-type
}

export type Environment = Readonly<Record<string, string | undefined>>

/** A setting is missing or wrong: the message names each one and what it must be. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
  readonly code = 'configuration'
}

/** Reads settings from an environment. Throws ConfigurationError; values are never repeated in its message. */
export const readConfig = <S extends z.ZodType>(service: string, schema: S, env: Environment): z.output<S> => {
  const parsed = schema.safeParse(env)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map((issue) => `  ${issue.path.join('.') || '(settings)'}: ${issue.message}`)
  throw new ConfigurationError(`${service} can't start, its environment is wrong:\n${faults.join('\n')}`)
}

export const instanceName = (service: string, configured: string | undefined): string =>
  configured ?? `${service}-${randomBytes(4).toString('hex')}`
