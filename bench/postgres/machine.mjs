// What the figures were measured on.
import { execFileSync } from 'node:child_process'
import { cpus, loadavg, release, totalmem } from 'node:os'

const said = (program, ...args) => {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` } }).split('\n')[0]
  } catch {
    return 'unknown'
  }
}

export const machine = () => ({
  cores: cpus().length, processor: cpus()[0]?.model ?? 'unknown', memoryMb: Math.round(totalmem() / 1024 / 1024), kernel: release(), loadBefore: loadavg()[0],
  node: process.version, nats: said('nats-server', '--version'), pgbouncer: said('pgbouncer', '--version'), pgbench: said('pgbench', '--version'), commit: said('git', 'rev-parse', 'HEAD'),
})
