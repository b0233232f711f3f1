import { z } from 'zod'

const port = z.coerce.number().int().min(0).max(65535)

/** Settings of one proxy process, besides the runtime's own. Listener ports are `SALLYPORT_<PROTOCOL>_PORT`, read by name. */
export const configSchema = z.looseObject({
  /** Address that listeners bind. Anything but loopback requires TLS. */
  SALLYPORT_LISTEN_HOST: z.string().default('127.0.0.1'),
  /** PEM files of the certificate chain and key that listeners show. */
  SALLYPORT_TLS_CERT_FILE: z.string().optional(),
  SALLYPORT_TLS_KEY_FILE: z.string().optional(),
  /** JSON Web Key Set (private) that opens sealed target credentials: inline, or a file. */
  SALLYPORT_PROXY_KEYS: z.string().optional(),
  SALLYPORT_PROXY_KEYS_FILE: z.string().optional(),
  /** Directory of the private keys by which this gateway is known to clients (`<protocol>-<name>.pem`); those that are missing are made. Share it between proxies. Without it they are new at each start, and clients are warned. */
  SALLYPORT_SERVER_KEYS_DIR: z.string().optional(),
  /** Base64 of at least 32 bytes, the same for all proxies: keys the digests in the log and of parked commands. */
  SALLYPORT_DIGEST_KEY: z.base64().refine((text) => Buffer.from(text, 'base64').length >= 32, 'at least 32 bytes in base64'),
  /** Several processes share one port, one for each core. */
  SALLYPORT_REUSE_PORT: z.enum(['0', '1']).default('0'),
  /** Bytes of events kept until the store has them; when it is full, commands wait, then are refused. */
  SALLYPORT_TAIL_BYTES: z.coerce.number().int().min(64 * 1024).default(16 * 1024 * 1024),
  /** Spreads the sessions of this proxy over several subjects; more than one only pays with several stores. */
  SALLYPORT_EVENT_PARTITIONS: z.coerce.number().int().min(1).max(64).default(1),
  /** HTTP monitoring (`http://host:8222`) of every nats-server that this proxy may be connected to, separated by commas: asked whether it syncs before it acknowledges. */
  SALLYPORT_NATS_MONITOR_URL: z.string().optional(),
  /** `unchecked`: connections of durability `stream` are served whatever the server does. For development and tests. */
  SALLYPORT_STREAM_DURABILITY: z.enum(['checked', 'unchecked']).default('checked'),
  /** How long a command waits for its acknowledgement before it is refused, in milliseconds. */
  SALLYPORT_ACKNOWLEDGE_MS: z.coerce.number().int().min(100).default(10_000),
  /** Open sessions; one more log-in is refused. */
  SALLYPORT_SESSIONS_MAX: z.coerce.number().int().min(1).default(10_000),
  /** Connections of one listener that are not sessions yet; for one more the oldest is closed. */
  SALLYPORT_HALF_OPEN_MAX: z.coerce.number().int().min(1).default(20_000),
})

export type ProxyConfig = z.output<typeof configSchema>

/** The port on which a protocol listens: from the environment, else the protocol's default. Throws on anything that is no port. */
export const listenerPort = (config: ProxyConfig, protocol: string, defaultPort: number): number => {
  const name = `SALLYPORT_${protocol.toUpperCase()}_PORT`
  const parsed = port.safeParse((config as Record<string, unknown>)[name] ?? defaultPort)
  if (!parsed.success) throw new Error(`${name}: a port is a number from 0 to 65535`)
  return parsed.data
}

/** Whether an address is loopback: what counts is what a listener is bound to, never the peer's address. */
export const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)
