import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startNats, startPostgres } from '@sallyport/embedded'
import { connectBus, type Bus } from '@sallyport/messaging'
import pg from 'pg'

/**
 * Jest gives each spec file modules of its own, but runs many of them in one process: which servers that process has is noted in a
 * file. They end, and their directories go, when the process does.
 */
const stateFile = (kind: string): string => {
  const dir = path.join(tmpdir(), `sallyport-test-servers-${process.getuid?.() ?? 0}`)
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  for (const file of readdirSync(dir)) {
    if (!existsSync(`/proc/${file.split('-')[1]}`)) rmSync(path.join(dir, file), { force: true })
  }
  const stat = readFileSync('/proc/self/stat', 'latin1')
  const startedAt = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  return path.join(dir, `${kind}-${process.pid}-${startedAt}.json`)
}

export interface TestServer {
  readonly url: string
  readonly port: number
  readonly logFile: string
  readonly pid: number
}

const starting = new Map<string, Promise<TestServer>>()

const once = (kind: string, start: () => Promise<TestServer>): Promise<TestServer> => {
  const known = starting.get(kind) ?? reuse(kind, start)
  starting.set(kind, known)
  return known
}

const reuse = async (kind: string, start: () => Promise<TestServer>): Promise<TestServer> => {
  const file = stateFile(kind)
  try {
    const noted = JSON.parse(readFileSync(file, 'utf8')) as TestServer
    process.kill(noted.pid, 0)
    return noted
  } catch {
    const { url, port, logFile, pid } = await start()
    const server = { url, port, logFile, pid }
    writeFileSync(file, JSON.stringify(server), { mode: 0o600 })
    return server
  }
}

/** An own, empty directory below the system's temporary one. */
export const temporaryDir = (kind: string): string => path.join(tmpdir(), `sallyport-test-${kind}-${process.pid}-${randomBytes(6).toString('hex')}`)

/** PostgreSQL of this test process, without fsync. Don't stop, kill or reconfigure it: for that start one of your own with `startPostgres`. */
export const testPostgres = (): Promise<TestServer> => once('postgres', () => startPostgres({ dataDir: temporaryDir('postgres'), ephemeral: true }))

/** nats-server of this test process, without authorization. Names on it are shared by all spec files of the process. */
export const testNats = (): Promise<TestServer> => once('nats', () => startNats({ dataDir: temporaryDir('nats'), ephemeral: true }))

/** URL of a new empty database on {@link testPostgres}. */
export const freshDatabase = async (): Promise<string> => {
  const server = await testPostgres()
  const name = `test_${randomBytes(8).toString('hex')}`
  const client = new pg.Client({ connectionString: server.url })
  await client.connect()
  try {
    await client.query(`create database ${name}`)
  } finally {
    await client.end()
  }
  const url = new URL(server.url)
  url.pathname = `/${name}`
  return url.href
}

/** A bus on {@link testNats} as that service; the caller closes it. */
export const freshBus = async (name: string, options: { readonly url?: string; readonly user?: string; readonly password?: string } = {}): Promise<Bus> =>
  connectBus({
    servers: options.url ?? (await testNats()).url,
    name,
    instance: `${name}-${randomBytes(4).toString('hex')}`,
    ...(options.user === undefined ? {} : { user: options.user, password: options.password ?? '' }),
  })
