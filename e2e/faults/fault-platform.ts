import { mkdirSync, rmSync } from 'node:fs'
import { listApprovals, approve } from '@sallyport/contracts/approval'
import { storeStatus } from '@sallyport/contracts/audit'
import { sealingContext, type Connection } from '@sallyport/contracts/directory'
import { EVENT_SUBJECTS, type SallyportEvent } from '@sallyport/contracts/events'
import type { Principal } from '@sallyport/contracts/identity'
import { putRule } from '@sallyport/contracts/masking'
import { inboxOf, proxyPermissions, servicePermissions } from '@sallyport/contracts/permissions'
import { putPolicy } from '@sallyport/contracts/policy'
import { natsAuthorization, passwordVariable } from '@sallyport/embedded'
import { connectBus, type Bus } from '@sallyport/messaging'
import { generateSealingKey, seal } from '@sallyport/sealing'
import { freePort, startNats, startPostgres, temporaryDir, waitFor, type EmbeddedPostgres } from '@sallyport/testing'
import pg from 'pg'
import { playDirectory, restDirectory, restOf, type Rest } from '../harness/directory.js'
import { startIssuer } from '../harness/identity.js'
import { scanLogs, scanWhatIsLeft } from '../harness/planted.js'
import { anyPorts, newDigestKey } from '../harness/services.js'
import { superviseServer, superviseService, type ServiceProcess, type Victim } from './supervised.js'

export const PROXY = 'proxy-1'
/** Of the API, where there is a real one; it is killed by nobody. */
const API = 'api'
const CONTROL = ['audit-store', 'policy-decision', 'masking', 'approval'] as const
export const VICTIMS = ['proxy', 'nats', 'database', ...CONTROL] as const
export type VictimName = (typeof VICTIMS)[number]
/** Connections by their durability. */
export const CONNECTIONS = ['marks-stored', 'marks-stream'] as const
export type ConnectionName = (typeof CONNECTIONS)[number]

const POLICIES = `
@id("agents") permit (principal in Group::"ai-agents", action in [Action::"connect", Action::"read", Action::"write"], resource);
@id("deletes-need-a-dba") @approval("dba") @expires("20s") @reason("Deletes need a second pair of eyes.")
forbid (principal in Group::"ai-agents", action == Action::"sql.delete", resource);
`
export const TARGET_PASSWORD = 'app-secret-on-target'
export const EMAILS = ['ada.byron@example.com', 'grace.murray@example.com'] as const
const SCHEMA = `
  create table marks (marker text primary key);
  create table people (id integer primary key, email text);
  insert into people values (1, '${EMAILS[0]}'), (2, '${EMAILS[1]}');
  grant select, insert, delete on all tables in schema public to app;
`
const bob: Principal = { kind: 'user', issuer: 'development', subject: 'bob', uid: 'bob', groups: ['dba'], person: true, chain: [] }

/** Hears what is published, says nothing. */
const TAP = { user: 'tap', publish: [], subscribe: [`${inboxOf('tap')}.>`, EVENT_SUBJECTS], answers: false }

export interface FaultPlatformOptions {
  readonly logLevel?: string
  readonly policies?: string
  /** Statements that a superuser runs on the target. */
  readonly schema?: string
  /** Everything that is published to the event stream is kept in `published`, for it stays there only until it is stored. */
  readonly tap?: boolean
  /** With the real API as the directory; without it the test plays one. */
  readonly api?: boolean
}

/** An event and the subject on which it was published. */
export interface Published { readonly event: SallyportEvent; readonly subject: string }

/**
 * The platform as it is deployed: each service a process of its own with its own NATS user under the shipped permissions. The directory is
 * played through its contract, as the user that the API has, unless it is to be the real one.
 */
export class FaultPlatform {
  readonly victims = new Map<VictimName, Victim>()
  readonly services: ServiceProcess[] = []
  readonly published: Published[] = []
  private tap: Bus | undefined
  proxyPort = 0
  /** Asks the API as an admin; only where there is one. */
  rest: Rest | undefined

  private constructor(
    readonly target: EmbeddedPostgres,
    readonly database: EmbeddedPostgres,
    readonly bus: Bus,
    readonly issuer: Awaited<ReturnType<typeof startIssuer>>,
    readonly logDir: string,
    readonly natsDir: string,
    readonly databaseDir: string,
  ) {}

  static async start(options: FaultPlatformOptions = {}): Promise<FaultPlatform> {
    const users = [...servicePermissions, proxyPermissions(PROXY), TAP]
    const password = (user: string): string => `p${Buffer.from(user).toString('hex')}`
    const env = Object.fromEntries(users.map(({ user }) => [passwordVariable(user), password(user)]))
    const logDir = temporaryDir('kills-logs')
    const natsDir = temporaryDir('kills-nats')
    const databaseDir = temporaryDir('kills-control')
    mkdirSync(logDir, { recursive: true })
    const [nats, target, database, issuer, sealingKey] = await Promise.all([
      startNats({ dataDir: natsDir, ephemeral: true, config: natsAuthorization(users), env }),
      startPostgres({ dataDir: temporaryDir('kills-target'), ephemeral: true, settings: { log_statement: 'all' } }),
      // A killed server may not lose what it said was committed; what only a power failure loses, it may.
      startPostgres({ dataDir: databaseDir, ephemeral: true, settings: { synchronous_commit: 'on' } }),
      startIssuer(),
      generateSealingKey(),
    ])
    const bus = await connectBus({ servers: nats.url, user: 'api', password: password('api'), name: 'api', instance: 'kills' })
    const platform = new FaultPlatform(target, database, bus, issuer, logDir, natsDir, databaseDir)
    if (options.tap === true) await platform.listen(nats.url, password(TAP.user))
    platform.victims.set('nats', superviseServer(nats))
    platform.victims.set('database', superviseServer(database))
    await platform.furnishTarget(options.schema ?? SCHEMA)
    const login = (user: string) => ({ SALLYPORT_NATS_URL: nats.url, SALLYPORT_NATS_USER: user, SALLYPORT_NATS_PASSWORD: password(user), SALLYPORT_LOG_LEVEL: options.logLevel ?? 'info' })
    await Promise.all(CONTROL.map((name) => platform.startService(name, name, name, {
      ...login(name), SALLYPORT_DATABASE_URL: database.url, SALLYPORT_AUDIT_PROXY_LOST_AFTER_MS: '5000',
    })))
    if (options.api === true) await platform.startApi({ ...login(API), SALLYPORT_DATABASE_URL: database.url, SALLYPORT_DEV_ISSUER: issuer.url, SALLYPORT_SEALING_KEYS: JSON.stringify({ keys: [sealingKey.publicKey] }) })
    await platform.registerConnections(sealingKey.publicKey)
    platform.proxyPort = await freePort()
    await platform.startService('connection-proxy', PROXY, 'proxy', {
      ...login(PROXY), SALLYPORT_INSTANCE: PROXY, ...anyPorts(), SALLYPORT_POSTGRES_PORT: String(platform.proxyPort), SALLYPORT_ACKNOWLEDGE_MS: '3000',
      SALLYPORT_PROXY_KEYS: JSON.stringify({ keys: [sealingKey.privateKey] }), SALLYPORT_DIGEST_KEY: newDigestKey(), SALLYPORT_STREAM_DURABILITY: 'unchecked',
    })
    await platform.allReady()
    await platform.configure(options.policies ?? POLICIES)
    return platform
  }

  private async listen(servers: string, password: string): Promise<void> {
    this.tap = await connectBus({ servers, user: TAP.user, password, name: TAP.user, instance: TAP.user })
    this.tap.subscribe(EVENT_SUBJECTS, (batch, subject) => { this.published.push(...(batch as SallyportEvent[]).map((event) => ({ event, subject }))) })
    await this.tap.flush()
  }

  private async startService(app: string, label: string, victim: VictimName, env: Readonly<Record<string, string>>): Promise<void> {
    const service = await superviseService({ app, label, httpPort: await freePort(), logDir: this.logDir, env })
    this.services.push(service)
    this.victims.set(victim, service)
  }

  private async furnishTarget(schema: string): Promise<void> {
    await this.sql(this.target, `create role app login password '${TARGET_PASSWORD}'; ${schema}`)
  }

  private async startApi(env: Readonly<Record<string, string>>): Promise<void> {
    const api = await superviseService({ app: API, label: API, httpPort: await freePort(), logDir: this.logDir, env })
    this.services.push(api)
    this.rest = restOf(api, this.issuer)
    await waitFor(() => api.ready(), { timeoutMs: 30_000, what: 'the API being ready' })
  }

  private async registerConnections(publicKey: Parameters<typeof seal>[1][number]): Promise<void> {
    const { rest } = this
    const directory = rest === undefined ? await playDirectory(this.bus, this.issuer, new Map<string, Connection>()) : restDirectory(rest)
    const target = { host: '127.0.0.1', port: this.target.port, database: 'postgres', tls: 'disable' as const }
    for (const name of CONNECTIONS) {
      const sealed = await seal(TARGET_PASSWORD, [publicKey], sealingContext(name, target, { username: 'app', kind: 'password' }))
      await directory.register({
        name, labels: {},
        spec: { protocol: 'postgres', target, credentials: { username: 'app', kind: 'password', sealed }, durability: name === 'marks-stored' ? 'stored' : 'stream', recording: { results: 4096, output: 4096 }, options: {} },
      })
    }
  }

  private async configure(policies: string): Promise<void> {
    await this.rest?.('PUT', '/v1/agents/coding-agent', { spec: { issuer: 'development', subject: 'coding-agent', owner: 'alice', connections: CONNECTIONS } })
    await this.bus.call(putPolicy, { document: { name: 'kills', text: policies, managedBy: 'api' }, actor: 'test' })
    await this.bus.call(putRule, { rule: { name: 'pii', managedBy: 'api', spec: { connections: { names: [...CONNECTIONS] }, columns: ['public.people.email'], detect: [], transform: { kind: 'redact' } } as never }, actor: 'test' })
  }

  async sql(server: EmbeddedPostgres, text: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: server.url })
    client.on('error', () => undefined)
    await client.connect()
    try {
      const result = await client.query(text)
      return result.rows as Record<string, unknown>[]
    } finally {
      await client.end()
    }
  }

  async client(connection: ConnectionName, more: pg.ClientConfig = {}): Promise<pg.Client> {
    const client = new pg.Client({
      host: '127.0.0.1', port: this.proxyPort, user: connection, database: connection, connectionTimeoutMillis: 15_000,
      password: await this.issuer.token('coding-agent', ['ai-agents']), ...more,
    })
    client.on('error', () => undefined)
    await client.connect()
    return client
  }

  /** Every service says that it is ready, and the bus is there. */
  async allReady(timeoutMs = 45_000): Promise<void> {
    await waitFor(async () => this.bus.connected && [...this.victims.values()].every((victim) => victim.running)
      && (await Promise.all(this.services.map((service) => service.ready()))).every(Boolean), { timeoutMs, what: 'every service being ready' })
  }

  async approvePending(): Promise<number> {
    const { items } = await this.bus.call(listApprovals, { status: 'pending' })
    for (const { id } of items) await this.bus.call(approve, { id, approver: bob, comment: 'fine' })
    return items.length
  }

  /** Everything published is stored and every session has an end. */
  async settled(): Promise<void> {
    await waitFor(async () => {
      const status = await this.bus.call(storeStatus, {})
      const [row] = await this.sql(this.database, 'select count(*)::int as n from audit_store.session_heads where not ended')
      return status.lag === 0 && row!['n'] === 0
    }, { timeoutMs: 45_000, what: 'every event being stored and every session ended' })
  }

  async stop({ keepLogs = false } = {}): Promise<void> {
    await Promise.all(this.services.map((service) => service.stop()))
    await Promise.all([this.bus.close(), this.tap?.close()])
    this.issuer.stop()
    // Even what a service said while it was killed holds none of them.
    const planted = { target: TARGET_PASSWORD, email: EMAILS[0], email2: EMAILS[1] }
    const found = [...await scanWhatIsLeft(new Map(Object.entries(planted)), this.database.url, this.natsDir), ...scanLogs(this.logDir, planted)]
    await Promise.all([this.victims.get('nats')!.stop(), this.victims.get('database')!.stop(), this.target.stop()])
    if (!keepLogs) rmSync(this.logDir, { recursive: true, force: true })
    if (found.length > 0) throw new Error(`secrets are left behind:\n${found.join('\n')}`)
  }
}
