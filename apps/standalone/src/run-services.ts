import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { startGuarded, type GuardedProcess } from '@sallyport/embedded'
import type { Planned } from './service-environments.js'
import { startInThisProcess } from './service-list.js'

export interface RunningPart {
  readonly label: string
  readonly pid?: number
  stop(): Promise<void>
}

const STOP_GRACE_MS = 15_000
const RESTART_MS = 300

export const runInThisProcess = async (planned: Planned): Promise<RunningPart> => {
  const running = await startInThisProcess(planned.service, planned.env)
  return { label: planned.label, stop: () => running.stop() }
}

/** Program of an app, beside its package's entry point. */
export const mainOf = (service: string): string => path.join(path.dirname(fileURLToPath(import.meta.resolve(`@sallyport/${service}`))), 'main.js')

/** One service in a process of its own, its output in a log file; started again when it ends by itself. */
export const runAsProcess = async (planned: Planned, logDir: string, say: (line: string) => void): Promise<RunningPart> => {
  mkdirSync(logDir, { recursive: true, mode: 0o700 })
  const logFile = path.join(logDir, `${planned.label}.log`)
  writeFileSync(logFile, '', { flag: 'a', mode: 0o600 })
  let stopping = false
  let current: GuardedProcess
  const start = (): Promise<GuardedProcess> => startGuarded({
    command: process.execPath,
    args: ['--enable-source-maps', mainOf(planned.service)],
    cwd: logDir,
    env: { PATH: path.dirname(process.execPath), ...planned.env },
    logFile,
    stopSignal: 'SIGTERM',
    graceMs: STOP_GRACE_MS,
  })
  const watch = async (): Promise<void> => {
    for (;;) {
      await current.ended
      if (stopping) return
      say(`${planned.label} ended unexpectedly (its log: ${logFile}): starting it again`)
      await new Promise((resolve) => { setTimeout(resolve, RESTART_MS) })
      if (stopping) return
      current = await start()
    }
  }
  current = await start()
  void watch().catch((error: unknown) => say(`${planned.label} could not be started again: ${String(error)}`))
  return {
    label: planned.label,
    get pid() { return current.pid },
    stop: async () => {
      stopping = true
      await current.stop()
    },
  }
}
