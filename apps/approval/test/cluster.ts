import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { approvalEventSchemas, approvalNoticeSchema, type ApprovalEventType, type ApprovalStatus } from '@sallyport/contracts/approval'
import { eventSchema, type SallyportEvent } from '@sallyport/contracts/events'
import { connectBus, type Bus } from '@sallyport/messaging'
import { defineService, startService, type RunningService } from '@sallyport/runtime'
import { freshDatabase, testNats } from '@sallyport/testing'
import pg from 'pg'
import { approvalModule } from '../src/approval.module.js'
import { databaseClock } from '../src/clock.js'
import { configSchema } from '../src/config.js'

const root = path.resolve(import.meta.dirname, '../../..')

/** NATS, an empty database, and as many instances of the service on them as a test wants; their clock can be put forward. */
export interface Cluster {
  readonly env: Record<string, string>
  readonly bus: Bus
  readonly sql: pg.Pool
  /** Starts an instance in this process. */
  start(): Promise<RunningService>
  /** Starts an instance as a process of its own, from its build, ready to be killed. Its clock is the real one. */
  spawn(): Promise<{ kill(): Promise<void> }>
  /** Puts the clock of the instances of this process forward for good. */
  forward(ms: number): void
  /** Every status that the proxy was told of for that approval, in order. */
  notices(proxy: string): { of(id: string): ApprovalStatus[] }
  /** The approval's events on the stream, which must fit their contract. */
  streamed(approval: string): Promise<SallyportEvent[]>
  stop(): Promise<void>
}

/** `own`: a server that the test will kill, instead of the one that all tests share. */
export const startCluster = async (own?: { readonly url: string }): Promise<Cluster> => {
  const [nats, database] = await Promise.all([own ?? testNats(), freshDatabase()])
  const env = { SALLYPORT_NATS_URL: nats.url, SALLYPORT_DATABASE_URL: database, SALLYPORT_LOG_LEVEL: 'silent' }
  const bus = await connectBus({ servers: nats.url, name: 'connection-proxy', instance: 'px_1' })
  await bus.ensureEventStream()
  const sql = new pg.Pool({ connectionString: database, max: 2, options: '-c search_path=approval' })
  sql.on('error', () => undefined)
  const stops: (() => Promise<void>)[] = []
  let offsetMs = 0
  const service = defineService({
    name: 'approval',
    config: configSchema,
    module: (config) => approvalModule(config, async (db) => (await databaseClock(db)) + offsetMs),
  })
  const collected = collectEvents(bus)
  return {
    env, bus, sql,
    start: async () => {
      const running = await startService(service, env)
      stops.push(() => running.stop())
      return running
    },
    spawn: async () => {
      const killable = await spawnInstance(env)
      stops.push(killable.kill)
      return killable
    },
    forward: (ms) => { offsetMs += ms },
    notices: (proxy) => {
      const seen: { id: string; status: ApprovalStatus }[] = []
      bus.subscribe(`sallyport.approval.resolved.${proxy}`, (payload) => void seen.push(approvalNoticeSchema.parse(payload)))
      return { of: (id) => seen.filter((notice) => notice.id === id).map(({ status }) => status) }
    },
    streamed: async (approval) => {
      const wanted = await sql.query('select event_id from aggregate_events where id = $1', [approval])
      await eventually(() => wanted.rows.every(({ event_id: id }: { event_id: string }) => collected.events.has(id)))
      const events = [...collected.events.values()].filter((event) => event.subject === approval).map((event) => eventSchema.parse(event))
      for (const event of events) approvalEventSchemas[event.type as ApprovalEventType].parse(event.data)
      return events.sort((one, other) => (one.sequence < other.sequence ? -1 : 1))
    },
    stop: async () => {
      await Promise.all(stops.map((stop) => stop()))
      await collected.stop()
      await sql.end()
      await bus.close()
    },
  }
}

/** Listens to what is published to the stream. */
const collectEvents = (bus: Bus) => {
  const events = new Map<string, SallyportEvent>()
  const stop = bus.subscribe('sallyport.evt.control.approval', (batch) => {
    for (const event of batch as SallyportEvent[]) events.set(event.id, event)
  })
  return { events, stop }
}

const spawnInstance = async (env: Record<string, string>) => {
  execFileSync(process.execPath, ['tools/build.mjs', 'apps/approval', 'libs/contracts', 'libs/platform/messaging', 'libs/platform/persistence', 'libs/platform/runtime'], { cwd: root, stdio: 'ignore' })
  const child = spawn(process.execPath, ['apps/approval/dist/main.js'], { cwd: root, env: { ...process.env, ...env, SALLYPORT_LOG_LEVEL: 'info', NODE_OPTIONS: '' }, stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => { output += chunk.toString('utf8') })
  await eventually(() => {
    if (child.exitCode !== null) throw new Error(`the instance ended: ${output}`)
    return output.includes('"started"')
  })
  return {
    kill: async () => {
      child.kill('SIGKILL')
      await exited
    },
  }
}

/** Waits until it is so; the test's own time limit ends it otherwise. */
export const eventually = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await isSo())) await new Promise((resolve) => { setTimeout(resolve, 20) })
}
