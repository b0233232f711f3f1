import { approve, deny, getApproval, listApprovals, type Approval } from '@sallyport/contracts/approval'
import { listCommands, listEvents, listSessions, storeStatus } from '@sallyport/contracts/audit'
import { sealingContext, type Connection } from '@sallyport/contracts/directory'
import type { Principal } from '@sallyport/contracts/identity'
import { putRule, type MaskingRuleSpec } from '@sallyport/contracts/masking'
import { putPolicy } from '@sallyport/contracts/policy'
import { connectBus, type Bus } from '@sallyport/messaging'
import type { RunningService } from '@sallyport/runtime'
import { generateSealingKey, seal } from '@sallyport/sealing'
import { freePort, freshDatabase, startNats, startPostgres, temporaryDir, waitFor, type EmbeddedNats, type EmbeddedPostgres } from '@sallyport/testing'
import pg from 'pg'
import { AGENT_GROUP, playDirectory, restDirectory, restOf, type Directory, type Rest } from './directory.js'
import { tapEvents, type EventTap } from './event-tap.js'
import { startIssuer } from './identity.js'
import { scanWhatIsLeft, type Planted } from './planted.js'
import { newDigestKey, startControl, startProxy, type Backing, type ControlName, type ProxySecrets } from './services.js'

export interface PlatformOptions {
  readonly targetSettings?: Readonly<Record<string, string>>
  /** Another PostgreSQL for the target than the embedded one: the directory above its `bin`. */
  readonly targetBinaries?: string
  readonly proxyEnv?: Record<string, string>
  /** Bound of the event stream. */
  readonly streamBytes?: number
  /** With the real API as the directory; without it the test plays one. */
  readonly api?: boolean
}

type Issuer = Awaited<ReturnType<typeof startIssuer>>

const QUIET_MS = 120

/** The whole platform on real servers in one test process; the directory alone is played by the test, through its contract, unless it is to be the real one. */
export class Platform {
  readonly connections = new Map<string, Connection>()
  readonly control = new Map<ControlName, RunningService>()
  readonly proxies: RunningService[] = []
  proxyPort = 0
  /** Asks the API as an admin; only where there is one. */
  rest: Rest | undefined
  private directory!: Directory
  /** Secrets that must be found nowhere when the platform stops: what logs in at targets, tokens, and what a specification adds. */
  readonly planted: Planted = new Map()

  readonly tap: EventTap
  readonly issuer: Issuer

  private constructor(
    readonly nats: EmbeddedNats,
    readonly target: EmbeddedPostgres,
    readonly backing: Backing,
    readonly bus: Bus,
    issuer: Issuer,
    readonly secrets: ProxySecrets,
    private readonly sealingKey: Awaited<ReturnType<typeof generateSealingKey>>,
    private readonly options: PlatformOptions,
    private readonly natsDir: string,
  ) {
    this.tap = tapEvents(bus)
    this.issuer = { ...issuer, token: async (subject, ...rest) => {
      const token = await issuer.token(subject, ...rest)
      // Without its signature a token is none.
      this.planted.set(`the signature of a token of ${subject}`, token.split('.')[2]!)
      return token
    } }
  }

  static async start(options: PlatformOptions = {}): Promise<Platform> {
    const natsDir = temporaryDir('nats')
    const [nats, target, databaseUrl, issuer, sealingKey] = await Promise.all([
      startNats({ dataDir: natsDir, ephemeral: true }),
      startPostgres({ dataDir: temporaryDir('target'), ephemeral: true, settings: { log_statement: 'all', ...options.targetSettings }, ...(options.targetBinaries === undefined ? {} : { binaries: options.targetBinaries }) }),
      freshDatabase(),
      startIssuer(),
      generateSealingKey(),
    ])
    const bus = await connectBus({ servers: nats.url, name: 'e2e', instance: 'e2e-1' })
    const platform = new Platform(nats, target, { natsUrl: nats.url, databaseUrl }, bus, issuer, { keys: [sealingKey.privateKey], digestKey: newDigestKey() }, sealingKey, options, natsDir)
    if (options.api !== true) platform.directory = await playDirectory(bus, issuer, platform.connections)
    await bus.ensureEventStream(options.streamBytes === undefined ? {} : { bytesMax: options.streamBytes })
    await Promise.all((['approval', 'masking', 'audit-store', 'policy-decision'] as const).map((name) => platform.startControl(name)))
    if (options.api === true) await platform.startApi()
    platform.proxyPort = await freePort()
    await platform.startProxy('px-1', platform.proxyPort)
    return platform
  }

  async stop(): Promise<void> {
    await Promise.all(this.proxies.map((proxy) => proxy.stop()))
    await Promise.all([...this.control.values()].map((service) => service.stop()))
    await this.bus.flush()
    await this.bus.close()
    this.issuer.stop()
    const found = await this.whatIsLeft(this.planted)
    await Promise.all([this.nats.stop(), this.target.stop()])
    // Whatever a specification is about, what was published meanwhile is what the contracts say.
    if (this.tap.faults.size > 0) throw new Error(`events were published that don't fit their contracts:\n${[...this.tap.faults].join('\n')}`)
    if (found.length > 0) throw new Error(`secrets are left behind:\n${found.join('\n')}`)
  }

  /** Where any of these secrets is by now. */
  whatIsLeft(planted: Planted): Promise<string[]> {
    return scanWhatIsLeft(planted, this.backing.databaseUrl, this.natsDir)
  }

  async startControl(name: ControlName): Promise<void> {
    this.control.set(name, await startControl(name, this.backing))
  }

  async startProxy(instance: string, port: number): Promise<RunningService> {
    const proxy = await startProxy(this.backing, this.secrets, instance, port, this.options.proxyEnv)
    this.proxies.push(proxy)
    return proxy
  }

  private async startApi(): Promise<void> {
    const api = await startControl('api', this.backing, { SALLYPORT_DEV_ISSUER: this.issuer.url, SALLYPORT_SEALING_KEYS: JSON.stringify({ keys: [this.sealingKey.publicKey] }) })
    this.control.set('api', api)
    this.rest = restOf(api, this.issuer)
    this.directory = restDirectory(this.rest)
  }

  /** Registers a connection to a database of the target, logging in there as `username`. */
  async connect(name: string, to: { database: string; username: string; password: string; port?: number }, more: Partial<Connection['spec']> = {}): Promise<void> {
    return this.connectWith(name, to, {}, more)
  }

  /** The same with parts of the target replaced: its TLS mode, its authority, its host. */
  async connectWith(name: string, to: { database: string; username: string; password: string; port?: number }, where: Partial<Connection['spec']['target']>, more: Partial<Connection['spec']> = {}): Promise<void> {
    this.planted.set(`the password of ${name}'s target`, to.password)
    const target = { host: '127.0.0.1', port: to.port ?? this.target.port, database: to.database, tls: 'disable' as const, ...where }
    const sealed = await seal(to.password, [this.sealingKey.publicKey], sealingContext(name, target, { username: to.username, kind: 'password' }))
    await this.directory.register({
      name, labels: { environment: 'test' },
      spec: { protocol: 'postgres', target, credentials: { username: to.username, kind: 'password', sealed }, durability: 'stored', recording: { results: 65536, output: 65536 }, options: {}, ...more },
    })
  }

  async policy(name: string, text: string): Promise<number> {
    return (await this.bus.call(putPolicy, { document: { name, text, managedBy: 'api' }, actor: 'test' })).revision
  }

  async rule(name: string, spec: Omit<MaskingRuleSpec, 'detect' | 'patterns' | 'columns' | 'transform' | 'connections'> & Partial<MaskingRuleSpec>): Promise<void> {
    await this.bus.call(putRule, { rule: { name, managedBy: 'api', spec: { connections: { matchLabels: { environment: 'test' } }, ...spec } as MaskingRuleSpec }, actor: 'test' })
  }

  /** A superuser's client on the target itself, around the gateway. */
  async direct(database = 'postgres'): Promise<pg.Client> {
    const url = new URL(this.target.url)
    url.pathname = `/${database}`
    const client = new pg.Client({ connectionString: url.href })
    await client.connect()
    return client
  }

  agentToken(name = 'coding-agent'): Promise<string> {
    return this.issuer.token(name, [AGENT_GROUP])
  }

  /** A driver's client through the gateway. */
  async client(connection: string, token: string, more: pg.ClientConfig = {}): Promise<pg.Client> {
    const client = new pg.Client({ host: '127.0.0.1', port: this.proxyPort, user: connection, database: connection, password: token, ...more })
    client.on('error', () => undefined)
    await client.connect()
    return client
  }

  /** The environment in which libpq programs reach a connection through the gateway. */
  libpq(connection: string, token: string): Record<string, string> {
    return { ...(process.env as Record<string, string>), PGHOST: '127.0.0.1', PGPORT: String(this.proxyPort), PGUSER: connection, PGPASSWORD: token, PGSSLMODE: 'prefer' }
  }

  readonly bob: Principal = { kind: 'user', issuer: 'development', subject: 'bob', uid: 'bob', groups: ['dba', 'approvers'], person: true, chain: [] }
  readonly carol: Principal = { ...this.bob, subject: 'carol', uid: 'carol' }

  async pending(): Promise<Approval> {
    let found: Approval | undefined
    await waitFor(async () => {
      found = (await this.bus.call(listApprovals, { status: 'pending' })).items[0]
      return found !== undefined
    }, { timeoutMs: 10_000 })
    return found!
  }

  approval(id: string): Promise<Approval> {
    return this.bus.call(getApproval, { id })
  }

  approve(id: string, comment = 'fine', approver: Principal = this.bob): Promise<Approval> {
    return this.bus.call(approve, { id, approver, comment })
  }

  deny(id: string, comment = 'no', approver: Principal = this.bob): Promise<Approval> {
    return this.bus.call(deny, { id, approver, comment })
  }

  async commands(filter: Parameters<typeof this.listed>[0] = {}) {
    return (await this.listed(filter)).items
  }

  private listed(filter: { session?: string; connection?: string; text?: string }) {
    return this.bus.call(listCommands, { limit: 1000, ...filter })
  }

  async sessions() {
    return (await this.bus.call(listSessions, { limit: 1000 })).items
  }

  async events(session?: string) {
    return (await this.bus.call(listEvents, { limit: 1000, ...(session === undefined ? {} : { session }) })).items
  }

  /** Resolves when everything recorded so far is stored and projected: ends of commands are flushed within 50 ms, so it has to stay quiet for longer. */
  async settled(): Promise<void> {
    let stored = -1
    let quietSince = performance.now()
    await waitFor(async () => {
      const status = await this.bus.call(storeStatus, {})
      if (status.stored !== stored || status.lag > 0 || status.projectionLag > 0) {
        stored = status.stored
        quietSince = performance.now()
      }
      return performance.now() - quietSince > QUIET_MS
    }, { timeoutMs: 20_000, what: 'the store having everything' })
  }
}
