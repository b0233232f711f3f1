import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { protocols } from '@sallyport/protocols'
import { temporaryDir, waitFor } from '@sallyport/testing'
import type { Endpoints } from '../src/index.js'

export const root = path.join(import.meta.dirname, '../../..')

/** The compiled programs are what runs outside of tests: compile what changed. */
export const compile = (): void => void execFileSync(process.execPath, [path.join(root, 'tools/build.mjs')], { stdio: 'pipe' })

export const isRunning = (pid: number): boolean => {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

export interface UpProcess {
  readonly child: ChildProcess
  readonly readyFile: string
  output(): string
  ready(): Promise<Endpoints>
  exit(): Promise<number | null>
}

/** Every protocol's listener on any free port. */
const anyPorts = Object.fromEntries(protocols.map(({ name }) => [`SALLYPORT_${name.toUpperCase()}_PORT`, '0']))

const READY_TIMEOUT_MS = 50_000

/** `up` as its users run it, on free ports. */
export const startUp = (args: readonly string[] = [], env: Record<string, string> = {}): UpProcess => {
  const readyFile = `${temporaryDir('ready')}.json`
  const child = spawn(process.execPath, [path.join(root, 'apps/standalone/dist/main.js'), '--ready-file', readyFile, ...args], {
    cwd: root,
    env: { ...process.env as Record<string, string>, SALLYPORT_API_PORT: '0', SALLYPORT_ISSUER_PORT: '0', ...anyPorts, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => { output += chunk.toString() })
  const exited = new Promise<number | null>((resolve) => { child.once('exit', resolve) })
  return {
    child,
    readyFile,
    output: () => output,
    ready: async () => {
      await waitFor(() => {
        if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${output}`)
        return existsSync(readyFile)
      }, { timeoutMs: READY_TIMEOUT_MS, what: 'the ready file' })
      return JSON.parse(readFileSync(readyFile, 'utf8')) as Endpoints
    },
    exit: () => exited,
  }
}

export const tokenOf = async (issuer: string, name: string): Promise<string> => {
  const response = await fetch(`${issuer}/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'client_credentials', client_id: name, client_secret: `${name}-secret` }) })
  return (await response.json() as { access_token: string }).access_token
}
