// Runs the real pgbench and reads what it printed.
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** Runs a program to its end; rejects with what it said when it fails. */
export const run = (command, args, env = {}) => new Promise((resolve, reject) => {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let err = ''
  child.stdout.on('data', (chunk) => { out += chunk })
  child.stderr.on('data', (chunk) => { err += chunk })
  child.on('error', reject)
  child.on('close', (code) => (code === 0 ? resolve(out) : reject(new Error(`${command} ${args.join(' ')}: exit ${code}\n${out}${err}`))))
})

export const connectionEnv = (end) => ({ PGHOST: end.host, PGPORT: String(end.port), PGUSER: end.user, PGPASSWORD: end.password, PGDATABASE: end.database, PGSSLMODE: 'disable', PGGSSENCMODE: 'disable' })

/** One pgbench run: transactions, tps, and latencies in milliseconds (median from pgbench's own transaction log). */
export const pgbench = async (end, { clients, seconds, script, latencies = false }) => {
  const dir = mkdtempSync(path.join(tmpdir(), 'sallyport-bench-'))
  try {
    const load = script === undefined ? ['-S'] : ['-f', script]
    const log = latencies ? ['-l', `--log-prefix=${path.join(dir, 'log')}`] : []
    const out = await run('pgbench', ['-n', ...load, '-M', 'prepared', '-c', String(clients), '-j', '1', '-T', String(seconds), ...log], connectionEnv(end))
    const number = (pattern) => Number(pattern.exec(out)?.[1])
    const result = { transactions: number(/actually processed: (\d+)/), tps: number(/tps = ([\d.]+)/), latencyAverageMs: number(/latency average = ([\d.]+)/) }
    return latencies ? { ...result, latencyMedianMs: medianOfLogs(dir) } : result
  } finally {
    rmSync(dir, { recursive: true })
  }
}

/** Third column of pgbench's log: microseconds of one transaction. */
const medianOfLogs = (dir) => {
  const micros = readdirSync(dir).flatMap((file) => readFileSync(path.join(dir, file), 'utf8').split('\n').filter(Boolean).map((line) => Number(line.split(' ')[2])))
  return median(micros) / 1000
}

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
}
