// How many events per second the audit-store stores and projects when nothing else runs: a stream filled beforehand is drained by
// the service in a process of its own. Prints the figures; with --write keeps them in results/.
//   node bench/audit-store/run.mjs [--events 200000] [--per-message 32] [--sessions 64] [--write]
// SALLYPORT_BENCH_NATS and SALLYPORT_BENCH_DATABASE name running servers; else embedded ones are started.
import { connectBus } from '@sallyport/messaging'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { history } from './history.mjs'

const { values } = parseArgs({ options: { events: { type: 'string', default: '200000' }, 'per-message': { type: 'string', default: '32' }, sessions: { type: 'string', default: '64' }, write: { type: 'boolean', default: false }, profile: { type: 'boolean', default: false } } })
const events = Number(values.events)
const here = path.dirname(fileURLToPath(import.meta.url))
const root = path.resolve(here, '../..')
const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms) })

const servers = async (directory) => {
  if (process.env.SALLYPORT_BENCH_NATS !== undefined) return { nats: process.env.SALLYPORT_BENCH_NATS, database: process.env.SALLYPORT_BENCH_DATABASE, stop: async () => undefined }
  const { startNats, startPostgres } = await import('@sallyport/embedded')
  const nats = await startNats({ dataDir: path.join(directory, 'nats') })
  const postgres = await startPostgres({ dataDir: path.join(directory, 'postgres') })
  return { nats: nats.url, database: postgres.url, stop: async () => { await nats.stop(); await postgres.stop() } }
}

const loadBefore = loadavg()[0]
const directory = mkdtempSync(path.join(tmpdir(), 'sallyport-bench-'))
// PostgreSQL doesn't run as root: another user must get through.
chmodSync(directory, 0o755)
const running = await servers(directory)
const admin = new pg.Client(running.database)
await admin.connect()
const name = `bench_audit_${Date.now()}`
await admin.query(`create database ${name}`)
const url = new URL(running.database)
url.pathname = `/${name}`

const bus = await connectBus({ servers: running.nats, name: 'bench', instance: 'bench' })
await bus.ensureEventStream()
let messages = 0
let bytes = 0
let waiting = []
for (const [subject, batch] of history(events, Number(values.sessions), Number(values['per-message']))) {
  messages += 1
  bytes += Buffer.byteLength(batch)
  waiting.push(bus.append(subject, batch, { timeoutMs: 30_000 }))
  if (waiting.length >= 64) {
    await Promise.all(waiting)
    waiting = []
  }
}
await Promise.all(waiting)
await bus.close()

const store = spawn(process.execPath, [...(values.profile ? ['--cpu-prof', '--cpu-prof-dir', directory] : []), path.join(root, 'apps/audit-store/dist/main.js')], {
  env: { ...process.env, SALLYPORT_NATS_URL: running.nats, SALLYPORT_DATABASE_URL: url.href, SALLYPORT_LOG_LEVEL: 'warn', SALLYPORT_AUDIT_PROXY_LOST_AFTER_MS: '3600000' },
  stdio: ['ignore', 'inherit', 'inherit'],
})
const database = new pg.Client(url.href)
await database.connect()
const read = async () => {
  const { rows } = await database.query(`select (select position from audit_store.sequencer) as stored, (select position from audit_store.projection_checkpoints where name = 'current') as projected`).catch(() => ({ rows: [{ stored: 0, projected: 0 }] }))
  return { stored: Number(rows[0].stored), projected: Number(rows[0].projected) }
}
const deadline = Date.now() + 300_000
let storedAt
let projectedAt
while (projectedAt === undefined && Date.now() < deadline && store.exitCode === null) {
  await sleep(50)
  const { stored, projected } = await read()
  if (stored >= events) storedAt ??= Date.now()
  if (projected >= events) projectedAt = Date.now()
}
const { rows: [check] } = await database.query(`
  select (select count(*)::int from audit_store.events) as events, (select count(*)::int from audit_store.payloads) as payloads,
    (select count(*)::int from audit_store.commands) as commands, (select count(*)::int from audit_store.commands where status = 'completed') as completed,
    (select count(*)::int from audit_store.quarantine) as quarantined, (select min(stored_at) from audit_store.events) as began,
    pg_total_relation_size('audit_store.events') + pg_total_relation_size('audit_store.payloads') as log_bytes, version() as postgres`)
store.kill('SIGTERM')
await once(store, 'exit')
await database.end()
await admin.query(`drop database ${name} with (force)`)
await admin.end()
await running.stop()
if (!values.profile) rmSync(directory, { recursive: true, force: true })
else console.log(directory)

const began = check.began.getTime()
const result = {
  events, messages, bytesPerEvent: Math.round(bytes / events), storedSeconds: (storedAt - began) / 1000, projectedSeconds: (projectedAt - began) / 1000,
  storedPerSecond: Math.round(events / ((storedAt - began) / 1000)), storedAndProjectedPerSecond: Math.round(events / ((projectedAt - began) / 1000)),
  check, sessions: Number(values.sessions), perMessage: Number(values['per-message']), cores: cpus().length, loadBefore, node: process.version, at: new Date().toISOString(),
}
console.log(`stored                ${result.storedPerSecond} events/s`)
console.log(`stored and projected  ${result.storedAndProjectedPerSecond} events/s   (floor: 15000)`)
console.log(`${events} events of ${result.bytesPerEvent} bytes in ${messages} messages; ${check.events} stored, ${check.commands} commands, ${check.completed} of them ended, ${check.quarantined} quarantined`)
if (values.write) {
  mkdirSync(path.join(here, 'results'), { recursive: true })
  writeFileSync(path.join(here, 'results', `${result.at.replaceAll(/[:.]/g, '-')}.json`), `${JSON.stringify(result, null, 2)}\n`)
}
process.exitCode = check.events === events && check.quarantined === 0 ? 0 : 1
