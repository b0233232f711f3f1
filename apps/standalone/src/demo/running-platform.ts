import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Endpoints } from '../ready.js'
import type { OrdersTarget } from './orders-target.js'

const CONFIGURATION = fileURLToPath(new URL('../../demo/configuration', import.meta.url))
const UP = fileURLToPath(new URL('../main.js', import.meta.url))
const READY_DEADLINE_MS = 90_000
const STOP_GRACE_MS = 45_000
const POLL_MS = 50

/** The platform as `./sallyport up` starts it, configured from the demo's own directory with the sample target's port. */
export interface RunningPlatform {
  readonly endpoints: Endpoints
  readonly configuration: string
  stop(): Promise<void>
}

const configure = (dir: string, target: OrdersTarget): string => {
  const configuration = path.join(dir, 'configuration')
  mkdirSync(configuration, { recursive: true })
  cpSync(CONFIGURATION, configuration, { recursive: true })
  const file = path.join(configuration, 'connection.yaml')
  writeFileSync(file, readFileSync(file, 'utf8').replace('port: 5432', `port: ${target.port}`))
  return configuration
}

/** `ports`: any free ones, or the usual ones for a demo that stays up. Throws with what `up` said when it does not come up. */
export const startPlatform = async (dir: string, target: OrdersTarget, ports: 'any' | 'usual', own: NodeJS.ProcessEnv): Promise<RunningPlatform> => {
  const configuration = configure(dir, target)
  const readyFile = path.join(dir, 'ready.json')
  const any = Object.fromEntries(['API', 'ISSUER', 'POSTGRES'].map((name) => [`SALLYPORT_${name}_PORT`, '0']))
  const child = spawn(process.execPath, [UP, '--config', configuration, '--ready-file', readyFile], {
    env: { ...own, ...(ports === 'any' ? any : {}), ORDERS_PASSWORD: target.password, SALLYPORT_LOG_LEVEL: own['SALLYPORT_LOG_LEVEL'] ?? 'error' },
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
  return { endpoints: JSON.parse(readFileSync(readyFile, 'utf8')) as Endpoints, configuration, stop: () => stop(child) }
}

const stop = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS)
  await exited
  clearTimeout(timer)
}
