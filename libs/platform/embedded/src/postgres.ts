import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { EmbeddedServerError } from './errors.js'
import { freePort } from './free-port.js'
import { logTail, startGuarded, type GuardedProcess } from './guarded-process.js'
import { noteOwner, takeOver } from './ownership.js'
import { postgresBinaries } from './postgres-binaries.js'
import { canReach, unprivilegedUser, type SystemUser } from './unprivileged-user.js'

export interface PostgresOptions {
  /** Everything of this server is below it; made when it is missing. As root it is given to the user who runs PostgreSQL. */
  readonly dataDir: string
  /** Default: any free one, the same again after a restart. */
  readonly port?: number
  /** Server settings, e.g. `{ log_statement: 'all' }`. */
  readonly settings?: Readonly<Record<string, string>>
  /** Directory with `bin` of another PostgreSQL, e.g. a Debian package's `/usr/lib/postgresql/15`; default: the one that npm brought. */
  readonly binaries?: string
  /** The data directory is thrown away at the end: no fsync, and it is removed on stop and when this process dies. */
  readonly ephemeral?: boolean
}

export interface EmbeddedPostgres {
  /** `postgres://postgres:…@127.0.0.1:port/postgres`: the superuser. */
  readonly url: string
  readonly port: number
  readonly logFile: string
  readonly pid: number
  readonly running: boolean
  /** Fast shutdown; SIGKILL after ten seconds. */
  stop(): Promise<void>
  /** SIGKILL, as a crash would. */
  kill(): void
  /** Starts it again on the same port and data, with other settings if given; stops it first when it runs. */
  restart(settings?: Readonly<Record<string, string>>): Promise<void>
}

const run = promisify(execFile)
const STOP_GRACE_MS = 10_000
const START_DEADLINE_MS = 30_000
const ATTEMPTS = 5
const POLL_MS = 25
const SUPERUSER = 'postgres'
/** Independent of the machine's own locales; PostgreSQL has this provider since 17. */
const BUILTIN_LOCALE = ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
const SYSTEM_LOCALE = ['--locale=C.UTF-8']
const ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', LANG: 'C', LC_ALL: 'C', TZ: 'UTC' }

const BASE_SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '200',
  shared_buffers: '64MB',
  password_encryption: 'scram-sha-256',
  timezone: 'UTC',
  log_timezone: 'UTC',
}
const EPHEMERAL_SETTINGS = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' }

interface Place {
  readonly dataDir: string
  readonly cluster: string
  readonly logFile: string
  readonly binaries: string
  readonly password: string
  readonly user: SystemUser | undefined
  readonly ephemeral: boolean
}

/** Starts PostgreSQL 18 on loopback with a superuser whose password is random. Throws EmbeddedServerError. */
export const startPostgres = async (options: PostgresOptions): Promise<EmbeddedPostgres> => {
  const place = await prepare(options)
  let settings = options.settings ?? {}
  let { process: server, port } = await startOnPort(place, options.port, settings).catch((error: unknown) => {
    if (place.ephemeral) rmSync(place.dataDir, { recursive: true, force: true })
    throw error
  })
  let stopped: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    await server.stop()
    if (place.ephemeral) rmSync(place.dataDir, { recursive: true, force: true })
  }
  return {
    get url() { return urlOf(place, port) },
    get port() { return port },
    get pid() { return server.pid },
    get running() { return server.running },
    logFile: place.logFile,
    stop: () => (stopped ??= stop()),
    kill: () => server.kill(),
    restart: async (changed) => {
      await server.stop()
      settings = changed ?? settings
      ;({ process: server, port } = await startOnPort(place, port, settings))
      stopped = undefined
    },
  }
}

const urlOf = (place: Place, port: number): string => `postgres://${SUPERUSER}:${place.password}@127.0.0.1:${port}/postgres`

const prepare = async (options: PostgresOptions): Promise<Place> => {
  const user = unprivilegedUser()
  const dataDir = path.resolve(options.dataDir)
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  await takeOver(dataDir)
  if (user !== undefined) chownSync(dataDir, user.uid, user.gid)
  if (!canReach(user, path.join(dataDir, '.'))) {
    throw new EmbeddedServerError('unreachable-directory', `PostgreSQL does not run as root but as "${user?.name}", and that user can't get to ${dataDir}: choose a data directory that every user can traverse to, e.g. below /var/lib`)
  }
  const binaries = options.binaries ?? postgresBinaries(user, dataDir)
  const passwordFile = path.join(dataDir, 'superuser-password')
  const cluster = path.join(dataDir, 'cluster')
  const logFile = path.join(dataDir, 'postgres.log')
  writeOwned(logFile, '', user, { keep: true })
  if (!existsSync(path.join(cluster, 'PG_VERSION'))) {
    writeOwned(passwordFile, randomBytes(24).toString('hex'), user)
    await initialise({ binaries, locale: options.binaries === undefined ? BUILTIN_LOCALE : SYSTEM_LOCALE, cluster, passwordFile, user, ephemeral: options.ephemeral ?? false })
  }
  return { dataDir, cluster, logFile, binaries, password: readFileSync(passwordFile, 'utf8').trim(), user, ephemeral: options.ephemeral ?? false }
}

const writeOwned = (file: string, text: string, user: SystemUser | undefined, { keep = false } = {}): void => {
  if (!(keep && existsSync(file))) writeFileSync(file, text, { mode: 0o600 })
  chmodSync(file, 0o600)
  if (user !== undefined) chownSync(file, user.uid, user.gid)
}

interface Initialise { binaries: string; locale: readonly string[]; cluster: string; passwordFile: string; user: SystemUser | undefined; ephemeral: boolean }

/** initdb into a directory beside, renamed when it is whole: an interrupted one is never taken for a cluster. */
const initialise = async ({ binaries, locale, cluster, passwordFile, user, ephemeral }: Initialise): Promise<void> => {
  const partial = `${cluster}.partial`
  rmSync(partial, { recursive: true, force: true })
  rmSync(cluster, { recursive: true, force: true })
  const args = [
    '-D', partial, '-U', SUPERUSER, `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--encoding=UTF8',
    ...locale, ...(ephemeral ? ['--no-sync'] : []),
  ]
  try {
    await run(path.join(binaries, 'bin', 'initdb'), args, { cwd: '/', env: ENVIRONMENT, ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }) })
  } catch (cause) {
    throw new EmbeddedServerError('not-started', `initdb failed: ${String((cause as { stderr?: string }).stderr ?? cause).trim()}`, { cause })
  }
  await run('mv', [partial, cluster])
}

const startOnPort = async (place: Place, wanted: number | undefined, settings: Readonly<Record<string, string>>): Promise<{ process: GuardedProcess; port: number }> => {
  const deadline = performance.now() + START_DEADLINE_MS
  for (let attempt = 1; ; attempt += 1) {
    const port = wanted === undefined || wanted === 0 ? await freePort() : wanted
    const server = await spawnServer(place, port, settings)
    noteOwner(place.dataDir, server.pid)
    if (await answers(urlOf(place, port), server, deadline)) return { process: server, port }
    const log = logTail(place.logFile)
    await server.stop()
    // After a crash, the last backends may still be on their way out for a moment; a port can have been taken meanwhile.
    const passing = /shared memory block|lock file "postmaster.pid"|Address already in use/.test(log)
    if (!passing || attempt === ATTEMPTS) throw new EmbeddedServerError('not-started', `PostgreSQL did not start on port ${port}:\n${log}`)
    await new Promise((resolve) => { setTimeout(resolve, 300) })
  }
}

const spawnServer = (place: Place, port: number, settings: Readonly<Record<string, string>>): Promise<GuardedProcess> => {
  const all: Record<string, string> = { ...BASE_SETTINGS, ...(place.ephemeral ? EPHEMERAL_SETTINGS : {}), ...settings, port: String(port) }
  return startGuarded({
    command: path.join(place.binaries, 'bin', 'postgres'),
    args: ['-D', place.cluster, ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    cwd: '/',
    env: ENVIRONMENT,
    logFile: place.logFile,
    stopSignal: 'SIGINT',
    graceMs: STOP_GRACE_MS,
    ...(place.ephemeral ? { removeWhenOrphaned: place.dataDir } : {}),
    ...(place.user === undefined ? {} : { user: { uid: place.user.uid, gid: place.user.gid } }),
  })
}

const answers = async (url: string, server: GuardedProcess, deadline: number): Promise<boolean> => {
  while (server.running && performance.now() < deadline) {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 })
    client.on('error', () => undefined)
    try {
      await client.connect()
      return true
    } catch {
      await new Promise((resolve) => { setTimeout(resolve, POLL_MS) })
    } finally {
      await client.end().catch(() => undefined)
    }
  }
  return false
}
