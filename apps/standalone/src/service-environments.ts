import type { Backing } from './backing.js'
import type { Config } from './config.js'
import type { Secrets } from './secrets.js'
import { controlServices, type ServiceName } from './service-list.js'

/** One service to be started. `label` is its NATS user. */
export interface Planned {
  readonly service: ServiceName
  readonly label: string
  readonly httpPort: number
  readonly env: Readonly<Record<string, string>>
}

export interface PlanOptions {
  readonly config: Config
  readonly backing: Backing
  readonly secrets: Secrets
  /** Where the proxies keep the keys by which clients know them: one directory for all. */
  readonly serverKeysDir: string
  readonly proxies: readonly string[]
  /** Port of each protocol's listener. */
  readonly listeners: ReadonlyMap<string, number>
  readonly freePort: () => Promise<number>
}

/** Which services are started with which environment: control plane first, proxies last. */
export const planServices = async (options: PlanOptions): Promise<Planned[]> => {
  const { config, backing, secrets, proxies, listeners } = options
  const common = (label: string, httpPort: number): Record<string, string> => ({
    ...config.inherited,
    SALLYPORT_NATS_URL: backing.natsUrl,
    ...natsLogin(backing, label),
    SALLYPORT_HTTP_PORT: String(httpPort),
    SALLYPORT_LOG_LEVEL: config.SALLYPORT_LOG_LEVEL,
  })
  const planned: Planned[] = []
  for (const service of controlServices) {
    const httpPort = service === 'api' && config.SALLYPORT_API_PORT !== 0 ? config.SALLYPORT_API_PORT : await options.freePort()
    planned.push({
      service, label: service, httpPort,
      env: {
        ...common(service, httpPort),
        SALLYPORT_DATABASE_URL: backing.databaseUrls[service],
        ...(service === 'api' ? { SALLYPORT_DEV_ISSUER: backing.issuer, SALLYPORT_SEALING_KEYS: JSON.stringify({ keys: [secrets.sealing.publicKey] }), SALLYPORT_LISTENERS: toldToClients(config, listeners) } : {}),
      },
    })
  }
  for (const proxy of proxies) {
    const httpPort = await options.freePort()
    planned.push({
      service: 'connection-proxy', label: proxy, httpPort,
      env: {
        ...common(proxy, httpPort),
        // The embedded server is for development: the one from Debian's packages can't report what it does.
        ...(config.SALLYPORT_NATS_URL === undefined ? { SALLYPORT_STREAM_DURABILITY: 'unchecked' } : {}),
        SALLYPORT_INSTANCE: proxy,
        SALLYPORT_PROXY_KEYS: JSON.stringify({ keys: [secrets.sealing.privateKey] }),
        SALLYPORT_DIGEST_KEY: secrets.digestKey,
        SALLYPORT_SERVER_KEYS_DIR: options.serverKeysDir,
        SALLYPORT_REUSE_PORT: proxies.length > 1 ? '1' : (config.inherited['SALLYPORT_REUSE_PORT'] ?? '0'),
        ...Object.fromEntries([...listeners].map(([protocol, port]) => [`SALLYPORT_${protocol.toUpperCase()}_PORT`, String(port)])),
      },
    })
  }
  return planned
}

/** Where clients connect, unless the environment says otherwise (behind a balancer, say). */
const toldToClients = ({ inherited }: Config, listeners: ReadonlyMap<string, number>): string =>
  inherited['SALLYPORT_LISTENERS'] ?? JSON.stringify(Object.fromEntries([...listeners].map(([protocol, port]) => [protocol, { host: inherited['SALLYPORT_LISTEN_HOST'] ?? '127.0.0.1', port }])))

const natsLogin = (backing: Backing, user: string): Record<string, string> => {
  const password = backing.natsPasswords.get(user)
  return password === undefined ? {} : { SALLYPORT_NATS_USER: user, SALLYPORT_NATS_PASSWORD: password }
}
