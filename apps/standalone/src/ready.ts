import { renameSync, rmSync, writeFileSync } from 'node:fs'
import type { Planned } from './service-environments.js'

/** What the ready file says. `processes` (ids) is there for whoever wants to watch or kill one. */
export interface Endpoints {
  readonly api: string
  readonly issuer: string
  readonly nats: string
  readonly database: string
  readonly listeners: Readonly<Record<string, { readonly host: string; readonly port: number }>>
  readonly processes: Readonly<Record<string, number>>
}

const READY_DEADLINE_MS = 60_000
const POLL_MS = 50
const REQUEST_TIMEOUT_MS = 2_500

/** Waits until every service says that it takes work. Throws with what the last one lacked when the deadline passes. */
export const waitUntilReady = async (planned: readonly Planned[], signal: AbortSignal): Promise<void> => {
  const deadline = performance.now() + READY_DEADLINE_MS
  await Promise.all(planned.map(async ({ label, httpPort, env }) => {
    const url = `http://${env['SALLYPORT_HTTP_HOST'] ?? '127.0.0.1'}:${httpPort}/readyz`
    for (;;) {
      const lacking = await lackOf(url)
      if (lacking === undefined) return
      signal.throwIfAborted()
      if (performance.now() > deadline) throw new Error(`${label} did not become ready: ${lacking}`)
      await new Promise((resolve) => { setTimeout(resolve, POLL_MS) })
    }
  }))
}

const lackOf = async (url: string): Promise<string | undefined> => {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) })
    return response.ok ? undefined : await response.text()
  } catch (error) {
    return String((error as Error).cause ?? error)
  }
}

/** The file appears whole: whoever waits for it never reads half of it. It holds the password of the control database. */
export const writeReadyFile = (file: string, endpoints: Endpoints): void => {
  const partial = `${file}.${process.pid}`
  writeFileSync(partial, `${JSON.stringify(endpoints, undefined, 2)}\n`, { mode: 0o600 })
  renameSync(partial, file)
}

export const removeReadyFile = (file: string): void => rmSync(file, { force: true })
