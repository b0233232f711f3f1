// PostgreSQL through the gateway beside pgbouncer and a direct connection, interleaved in one run. See README.md.
//   ./sallyport bench postgres [--rounds 3] [--seconds 6] [--scale 10] [--sessions 1000] [--only throughput,latency,rows,idle] [--write]
//   --profile proxy-1 (or audit-store, …): instead, a CPU profile of that process under each load
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { freePort } from '@sallyport/embedded'
import { idleSessions } from './idle.mjs'
import { makeEnds, measureRounds } from './loads.mjs'
import { machine } from './machine.mjs'
import { assertMasked } from './masked.mjs'
import { startPlatform } from './platform.mjs'
import { profileLoads } from './profile.mjs'
import { figuresOf, tableOf } from './report.mjs'
import { selfMadeCertificate, startPgbouncer, startTarget } from './target.mjs'

const { values } = parseArgs({ options: {
  rounds: { type: 'string', default: '3' }, seconds: { type: 'string', default: '6' }, scale: { type: 'string', default: '10' }, sessions: { type: 'string', default: '1000' },
  only: { type: 'string', default: 'throughput,latency,rows,idle' }, profile: { type: 'string' }, write: { type: 'boolean', default: false },
} })
const wanted = values.only.split(',')
const say = (text) => process.stdout.write(`${text}\n`)

const sayResult = (round, kind, name, { tps, latencyMedianMs, store, cpuUs }) => say([
  `round ${round}`, kind.padEnd(10), name.padEnd(9), `${tps.toFixed(0).padStart(7)} tps`, latencyMedianMs === undefined ? '' : `median ${latencyMedianMs.toFixed(3)} ms`,
  cpuUs === undefined ? '' : `CPU µs each: ${Object.entries(cpuUs).map(([process, us]) => `${process} ${us}`).join(', ')}`,
  store === undefined ? '' : `${store.commands} commands stored, ${store.behindAtEnd} behind at the end, none after ${store.settledMs} ms`,
].filter(Boolean).join('  '))

const measureIdle = async (platform) => {
  const idle = []
  for (const tls of [false, true]) {
    const result = await idleSessions({ pid: await platform.restartProxy(), end: await platform.end(tls ? 'bench-tls' : 'bench-stored'), tls, count: Number(values.sessions) })
    say(`idle sessions${tls ? ' by TLS' : ''}: ${result.before.kb} KB → ${result.during.kb} KB → ${result.after.kb} KB, ${result.perSessionKb.toFixed(1)} KB each (${result.perSessionBeforeCollectionKb.toFixed(1)} KB before garbage was collected)`)
    idle.push(result)
  }
  return idle
}

const write = (result) => {
  const results = path.join(import.meta.dirname, 'results')
  mkdirSync(results, { recursive: true })
  const file = path.join(results, `${result.at.replaceAll(/[:.]/g, '-')}.json`)
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`)
  say(`kept in ${path.relative(process.cwd(), file)}`)
}

const measure = async (target, platform, ends) => {
  const options = { platform, ends, wanted, seconds: Number(values.seconds) }
  for (const end of [await ends.stream(), await ends.stored(), await platform.end('bench-tls')]) await assertMasked(target.direct, end)
  if (values.profile !== undefined) return profileLoads({ ...options, service: values.profile, dir: mkdtempSync(path.join(tmpdir(), 'sallyport-profile-')) })
  const facts = { ...machine(), postgres: target.version }
  const measured = await measureRounds({ ...options, rounds: Number(values.rounds), say: sayResult })
  const idle = wanted.includes('idle') ? await measureIdle(platform) : []
  const figures = figuresOf({ measured, idle })
  say(`\n${tableOf(figures)}\n\n${JSON.stringify(facts)}`)
  if (values.write) write({ at: new Date().toISOString(), machine: facts, options: values, figures, measured, idle })
  if (figures.some(({ passed }) => passed === false)) process.exitCode = 1
}

const directory = mkdtempSync(path.join(tmpdir(), 'sallyport-bench-'))
// PostgreSQL and pgbouncer don't run as root: their user must get through.
chmodSync(directory, 0o755)
const stops = []
let stopped
const stopAll = () => (stopped ??= (async () => {
  for (const stop of stops.reverse()) await stop()
  rmSync(directory, { recursive: true, force: true })
})())
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void stopAll().finally(() => process.exit(1)))
try {
  const target = await startTarget(directory, Number(values.scale))
  stops.push(() => target.server.stop())
  const pgbouncer = await startPgbouncer(directory, target.direct, await freePort())
  stops.push(() => pgbouncer.stop())
  const platform = await startPlatform(directory, target, await selfMadeCertificate(directory, 'listener'))
  stops.push(() => platform.stop())
  await measure(target, platform, makeEnds(target, pgbouncer, platform))
} finally {
  await stopAll()
}
