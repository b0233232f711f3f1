import { appendFileSync } from 'node:fs'
import path from 'node:path'
import { startGuarded, type GuardedProcess } from '@sallyport/embedded'

const ROOT = path.resolve(import.meta.dirname, '../..')
const RESTART_MS = 300
const STOP_GRACE_MS = 12_000

/** Something that can be killed as a crash would, and comes back. */
export interface Victim {
  readonly running: boolean
  readonly kills: number
  /** SIGKILL; it is started again after `downMs`. */
  kill(downMs: number): void
  stop(): Promise<void>
}

export interface ServiceProcess extends Victim {
  readonly logFile: string
  readonly httpUrl: string
  ready(): Promise<boolean>
}

export interface ServiceOptions {
  readonly app: string
  readonly label: string
  readonly httpPort: number
  readonly logDir: string
  readonly env: Readonly<Record<string, string>>
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms) })

/** One service from its `dist/main.js`, in a process of its own that is started again whenever it ends, as an orchestrator would. */
export const superviseService = async ({ app, label, httpPort, logDir, env }: ServiceOptions): Promise<ServiceProcess> => {
  const logFile = path.join(logDir, `${label}.log`)
  const httpUrl = `http://127.0.0.1:${httpPort}`
  let stopping = false
  let kills = 0
  let downMs = RESTART_MS
  const start = (): Promise<GuardedProcess> => startGuarded({
    command: process.execPath,
    args: [path.join(ROOT, 'apps', app, 'dist/main.js')],
    cwd: ROOT,
    env: { PATH: path.dirname(process.execPath), ...env, SALLYPORT_HTTP_PORT: String(httpPort) },
    logFile, stopSignal: 'SIGTERM', graceMs: STOP_GRACE_MS,
  })
  let current = await start()
  const watch = async (): Promise<void> => {
    for (;;) {
      await current.ended
      if (stopping) return
      appendFileSync(logFile, `--- ended, started again in ${downMs} ms\n`)
      await pause(downMs)
      downMs = RESTART_MS
      if (stopping) return
      current = await start()
    }
  }
  const watching = watch()
  return {
    logFile, httpUrl,
    get running() { return current.running },
    get kills() { return kills },
    kill: (ms) => {
      kills += 1
      downMs = ms
      current.kill()
    },
    ready: () => fetch(`${httpUrl}/readyz`, { signal: AbortSignal.timeout(2_000) }).then((response) => response.ok, () => false),
    stop: async () => {
      stopping = true
      await current.stop()
      await watching
    },
  }
}

interface Server {
  readonly running: boolean
  kill(): void
  restart(): Promise<void>
  stop(): Promise<void>
}

/** An embedded server as a victim. */
export const superviseServer = (server: Server): Victim => {
  let kills = 0
  let restarting: Promise<void> | undefined
  return {
    get running() { return restarting === undefined && server.running },
    get kills() { return kills },
    kill: (downMs) => {
      kills += 1
      server.kill()
      restarting = pause(downMs).then(() => server.restart()).finally(() => { restarting = undefined })
    },
    stop: async () => {
      await restarting
      await server.stop()
    },
  }
}
