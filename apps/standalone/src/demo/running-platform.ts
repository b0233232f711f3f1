import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { protocols } from '@sallyport/protocols'
import type { Endpoints } from '../ready.js'

const UP = fileURLToPath(new URL('../main.js', import.meta.url))
const READY_DEADLINE_MS = 90_000
const STOP_GRACE_MS = 45_000
const POLL_MS = 50

/** The platform as `./sallyport up` starts it. */
export interface RunningPlatform {
  readonly endpoints: Endpoints
  stop(): Promise<void>
}

export interface PlatformStart {
  /** A directory for its ready file. */
  readonly dir: string
  readonly configuration: string
  /** What the configuration refers to. */
  readonly secrets: Readonly<Record<string, string>>
  /** Any free ones, or the usual ones for a demo that stays up. */
  readonly ports: 'any' | 'usual'
  /** The environment of the demo's process. */
  readonly env: NodeJS.ProcessEnv
}

/** Throws with what `up` said when it does not come up. */
export const startPlatform = async ({ dir, configuration, secrets, ports, env: own }: PlatformStart): Promise<RunningPlatform> => {
  const readyFile = path.join(dir, 'ready.json')
  const any = Object.fromEntries(['API', 'ISSUER', ...protocols.map(({ name }) => name.toUpperCase())].map((name) => [`SALLYPORT_${name}_PORT`, '0']))
  const child = spawn(process.execPath, [UP, '--config', configuration, '--ready-file', readyFile], {
    env: { ...own, ...(ports === 'any' ? any : {}), ...secrets, SALLYPORT_LOG_LEVEL: own['SALLYPORT_LOG_LEVEL'] ?? 'error' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  child.stdout.on('data', (chunk: Buffer) => { said += chunk.toString() })
  child.stderr.on('data', (chunk: Buffer) => { said += chunk.toString() })
  const deadline = performance.now() + READY_DEADLINE_MS
  while (!existsSync(readyFile)) {
    if (child.exitCode !== null || performance.now() > deadline) {
      child.kill('SIGKILL')
      throw new Error(`the platform did not come up:\n${said}`)
    }
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS) })
  }
  return { endpoints: JSON.parse(readFileSync(readyFile, 'utf8')) as Endpoints, stop: () => stop(child) }
}

const stop = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS)
  await exited
  clearTimeout(timer)
}
