import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { EmbeddedServerError } from './errors.js'

const OWNER_FILE = 'owner.json'
const REAP_DEADLINE_MS = 10_000

/** Start time of a process in clock ticks since boot, so that a process id used again is not mistaken for the old one. */
const startedAt = (pid: number): string | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  } catch {
    return undefined
  }
}

const readOwner = (dataDir: string): { pid: number; started: string; server?: number; serverStarted?: string } | undefined => {
  try {
    return JSON.parse(readFileSync(path.join(dataDir, OWNER_FILE), 'utf8')) as never
  } catch {
    return undefined
  }
}

const alive = (pid: number | undefined, started: string | undefined): boolean =>
  pid !== undefined && started !== undefined && startedAt(pid) === started

/**
 * Takes a data directory for this process. Throws `in-use` while another living process has it; a server that a dead one
 * left behind is ended first.
 */
export const takeOver = async (dataDir: string): Promise<void> => {
  const owner = readOwner(dataDir)
  if (owner === undefined) return
  if (owner.pid !== process.pid && alive(owner.pid, owner.started)) {
    throw new EmbeddedServerError('in-use', `${dataDir} is in use by process ${owner.pid}: stop that first, or choose another data directory`)
  }
  await endOrphan(owner.server, owner.serverStarted)
}

const endOrphan = async (pid: number | undefined, started: string | undefined): Promise<void> => {
  const deadline = performance.now() + REAP_DEADLINE_MS
  let signal: NodeJS.Signals = 'SIGINT'
  while (pid !== undefined && alive(pid, started)) {
    if (performance.now() > deadline) signal = 'SIGKILL'
    try {
      process.kill(pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
    await new Promise((resolve) => { setTimeout(resolve, 100) })
  }
}

/** Notes who has the directory and which server runs on it. */
export const noteOwner = (dataDir: string, server: number): void => {
  writeFileSync(path.join(dataDir, OWNER_FILE), JSON.stringify({ pid: process.pid, started: startedAt(process.pid), server, serverStarted: startedAt(server) }), { mode: 0o600 })
}
