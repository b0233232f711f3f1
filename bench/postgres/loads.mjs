// The loads, each run through every end one after another, round by round, so that what the machine does meanwhile hits all of them.
import path from 'node:path'
import { pgbench } from './pgbench.mjs'
import { cpuOf } from './processes.mjs'
import { recorded } from './stored.mjs'
import { query, RESULT_ROWS } from './target.mjs'

export const loads = {
  throughput: { clients: 8, rowsEach: 1 },
  latency: { clients: 1, rowsEach: 1, latencies: true },
  rows: { clients: 1, rowsEach: RESULT_ROWS, script: path.join(import.meta.dirname, 'rows.sql') },
}

/** The ends by name: straight to the target, by pgbouncer, and by the gateway at both durabilities. */
export const makeEnds = (target, pgbouncer, platform) => ({
  direct: async () => target.direct,
  pgbouncer: async () => pgbouncer.end,
  stream: () => platform.end('bench-stream'),
  stored: () => platform.end('bench-stored'),
})

export const runLoad = async (platform, load, name, end, seconds) => {
  const { rowsEach, ...options } = load
  const run = () => pgbench(end, { ...options, seconds })
  if (name === 'direct' || name === 'pgbouncer') return run()
  const before = cpuOf(platform.processes)
  const result = await recorded(await platform.auditor(), { connection: end.user, clients: load.clients, rowsEach }, run)
  const cpu = Object.entries(cpuOf(platform.processes)).map(([process, us]) => [process, Math.round((us - before[process]) / result.transactions)])
  return { ...result, cpuUs: Object.fromEntries(cpu.filter(([, us]) => us > 0)) }
}

/** One commit of the control database: a single row inserted by one client, on the same disk, synchronously. */
export const makeCommit = async (platform) => {
  const url = new URL(platform.endpoints.database)
  await query(url, url.pathname.slice(1), 'create database bench_commit')
  await query(url, 'bench_commit', 'create table entries (id bigserial primary key, body text)')
  const end = { host: url.hostname, port: Number(url.port), user: decodeURIComponent(url.username), password: decodeURIComponent(url.password), database: 'bench_commit' }
  return (seconds) => pgbench(end, { clients: 1, seconds, latencies: true, script: path.join(import.meta.dirname, 'commit.sql') })
}

/** Every wanted load through every end, so many rounds; `say` hears each result. */
export const measureRounds = async ({ platform, ends, wanted, rounds, seconds, say }) => {
  const commit = wanted.includes('latency') ? await makeCommit(platform) : undefined
  const measured = []
  for (let round = 1; round <= rounds; round += 1) {
    for (const [kind, load] of Object.entries(loads).filter(([name]) => wanted.includes(name))) {
      const results = {}
      for (const [name, endOf] of Object.entries(ends)) {
        results[name] = await runLoad(platform, load, name, await endOf(), seconds)
        say(round, kind, name, results[name])
      }
      if (kind === 'latency') {
        results.commit = await commit(seconds)
        say(round, kind, 'commit', results.commit)
      }
      measured.push({ round, kind, results })
    }
  }
  return measured
}
