import { z } from 'zod'

const port = (fallback: number) => z.coerce.number().int().min(0).max(65535).default(fallback)

/** Settings of `up`. Every other `SALLYPORT_…` variable goes to the services as it is; a port of 0 means any free one. */
export const configSchema = z.object({
  SALLYPORT_API_PORT: port(7300),
  SALLYPORT_ISSUER_PORT: port(7301),
  /** A nats-server of one's own instead of the embedded one; users as in deploy/nats/nats.conf, passwords in NATS_PASSWORD_…. */
  SALLYPORT_NATS_URL: z.string().optional(),
  /** A PostgreSQL of one's own instead of the embedded one: a log-in that may create roles and schemas in that database. */
  SALLYPORT_DATABASE_URL: z.string().optional(),
  /** Processes of the proxy that share the listeners' ports; more than one only with --processes. */
  SALLYPORT_PROXIES: z.coerce.number().int().min(1).max(64).default(1),
  SALLYPORT_LOG_LEVEL: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('warn'),
})

export type Environment = Readonly<Record<string, string | undefined>>

export interface Config extends z.infer<typeof configSchema> {
  /** What the services get besides their own: the variables of this program that are meant for Sallyport. */
  readonly inherited: Readonly<Record<string, string>>
  /** All of it: references like `env: ORDERS_PASSWORD` in a configuration are read from it by whoever applies. */
  readonly environment: Environment
  /** Passwords of NATS users, where a nats-server of one's own is named. */
  readonly natsPasswords: Readonly<Record<string, string>>
  listenerPort(protocol: string, defaultPort: number): number
}

const startingWith = (env: Environment, prefix: string): Record<string, string> =>
  Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[0].startsWith(prefix) && entry[1] !== undefined))

/** Throws with one line for each setting that is wrong; values are not repeated. */
export const readConfig = (env: Environment): Config => {
  const parsed = configSchema.safeParse(env)
  if (!parsed.success) throw new Error(parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('\n'))
  return {
    ...parsed.data,
    environment: env,
    inherited: startingWith(env, 'SALLYPORT_'),
    natsPasswords: startingWith(env, 'NATS_PASSWORD_'),
    listenerPort: (protocol, defaultPort) => {
      const name = `SALLYPORT_${protocol.toUpperCase()}_PORT`
      const value = port(defaultPort).safeParse(env[name])
      if (!value.success) throw new Error(`${name}: a port is a number from 0 to 65535`)
      return value.data
    },
  }
}
