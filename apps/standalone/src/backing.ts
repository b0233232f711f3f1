import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { proxyPermissions, servicePermissions } from '@sallyport/contracts/permissions'
import { startDevIdp } from '@sallyport/dev-idp'
import { canReach, natsAuthorization, passwordVariable, startNats, startPostgres, unprivilegedUser, type EmbeddedNats, type EmbeddedPostgres } from '@sallyport/embedded'
import type { Config } from './config.js'
import { prepareDatabases, sharedDatabase } from './databases.js'
import { newPassword } from './secrets.js'
import type { ControlServiceName } from './service-list.js'

/** What the services stand on: bus, databases, issuer; embedded ones unless the environment names others. */
export interface Backing {
  readonly natsUrl: string
  readonly natsPasswords: ReadonlyMap<string, string>
  readonly databaseUrls: Readonly<Record<ControlServiceName, string>>
  /** For the ready file: a log-in to the control database. */
  readonly databaseUrl: string
  readonly issuer: string
  /** Process ids of the embedded servers. */
  pids(): Record<string, number>
  stop(): Promise<void>
}

export interface BackingOptions {
  readonly config: Config
  readonly dataDir: string | undefined
  readonly proxies: readonly string[]
  readonly say: (line: string) => void
}

const SUPERVISE_MS = 200
const SYSTEM_STATE_DIR = '/var/lib/sallyport'

type Server = EmbeddedNats | EmbeddedPostgres

export const startBacking = async (options: BackingOptions): Promise<Backing> => {
  const { config, proxies } = options
  const users = [...servicePermissions, ...proxies.map(proxyPermissions)]
  const passwords = passwordsOf(config, users.map(({ user }) => user))
  const servers = new Map<string, Server>()
  const stops: (() => Promise<void>)[] = []
  const stop = async (): Promise<void> => {
    clearInterval(supervision)
    await Promise.all(stops.splice(0).map((end) => end()))
  }
  const add = <S extends Server>(name: string, server: S): S => {
    servers.set(name, server)
    stops.push(() => server.stop())
    return server
  }
  const supervision = supervise(servers, options.say)
  try {
    const [natsUrl, databaseUrl, idp] = await Promise.all([
      config.SALLYPORT_NATS_URL ?? startEmbeddedNats(options, users, passwords).then((server) => add('nats', server).url),
      config.SALLYPORT_DATABASE_URL ?? startEmbeddedPostgres(options).then((server) => add('database', server).url),
      startDevIdp({ port: config.SALLYPORT_ISSUER_PORT, ...(options.dataDir === undefined ? {} : { dataDir: options.dataDir }) }),
    ])
    stops.push(() => idp.stop())
    const databaseUrls = config.SALLYPORT_DATABASE_URL === undefined ? await prepareDatabases(databaseUrl) : sharedDatabase(databaseUrl)
    const pids = (): Record<string, number> => Object.fromEntries([...servers].map(([name, server]) => [name, server.pid]))
    return { natsUrl, natsPasswords: passwords, databaseUrls, databaseUrl, issuer: idp.issuer, pids, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** An embedded server that ended by itself is started again, on the same port and data. */
const supervise = (servers: ReadonlyMap<string, Server>, say: (line: string) => void): NodeJS.Timeout => {
  const restarting = new Set<string>()
  return setInterval(() => {
    for (const [name, server] of servers) {
      if (server.running || restarting.has(name)) continue
      restarting.add(name)
      say(`the embedded ${name} ended unexpectedly: starting it again`)
      server.restart()
        .catch((error: unknown) => say(`the embedded ${name} could not be started again: ${String(error)}`))
        .finally(() => restarting.delete(name))
    }
  }, SUPERVISE_MS)
}

const passwordsOf = (config: Config, users: readonly string[]): Map<string, string> => {
  if (config.SALLYPORT_NATS_URL === undefined) return new Map(users.map((user) => [user, newPassword()]))
  return new Map(users.flatMap((user) => {
    const password = config.natsPasswords[passwordVariable(user)]
    return password === undefined ? [] : [[user, password] as const]
  }))
}

const temporary = (kind: string): string => path.join(tmpdir(), `sallyport-${kind}-${randomBytes(6).toString('hex')}`)

const startEmbeddedNats = (options: BackingOptions, users: Parameters<typeof natsAuthorization>[0], passwords: ReadonlyMap<string, string>): Promise<EmbeddedNats> =>
  startNats({
    ...(options.dataDir === undefined ? { dataDir: temporary('nats'), ephemeral: true } : { dataDir: path.join(options.dataDir, 'nats') }),
    config: natsAuthorization(users),
    env: Object.fromEntries([...passwords].map(([user, password]) => [passwordVariable(user), password])),
  })

const startEmbeddedPostgres = (options: BackingOptions): Promise<EmbeddedPostgres> =>
  startPostgres(options.dataDir === undefined ? { dataDir: temporary('postgres'), ephemeral: true } : { dataDir: reachableDir(options.dataDir, options.say) })

/** PostgreSQL does not run as root, and its user may not get to the data directory: then its part of the data is kept elsewhere. */
const reachableDir = (dataDir: string, say: (line: string) => void): string => {
  const user = unprivilegedUser()
  mkdirSync(path.join(dataDir, 'postgres'), { recursive: true, mode: 0o711 })
  if (canReach(user, path.join(dataDir, 'postgres'))) return path.join(dataDir, 'postgres')
  const elsewhere = path.join(SYSTEM_STATE_DIR, `postgres-${createHash('sha256').update(path.resolve(dataDir)).digest('hex').slice(0, 16)}`)
  mkdirSync(SYSTEM_STATE_DIR, { recursive: true, mode: 0o755 })
  say(`the database is kept in ${elsewhere}: PostgreSQL runs as "${user?.name}", who can't get to ${dataDir}`)
  return elsewhere
}
