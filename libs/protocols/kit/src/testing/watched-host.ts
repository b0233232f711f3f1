import { randomBytes } from 'node:crypto'
import { setImmediate as turn } from 'node:timers/promises'
import { Refusal } from '../refusal.js'
import type { SessionHost } from '../session.js'
import { quietHost } from './quiet-host.js'

/** A host that lets nobody in and notes what a session tried all the same. */
export interface WatchedHost {
  readonly host: SessionHost
  readonly sent: { client: number; target: number }
  /** What the session threw, or gave up with. */
  readonly thrown: unknown[]
  /** Ports that only an admitted client may lead to, in the order they were called. */
  reached(): readonly string[]
  /** Waits for what was called, and a turn for what follows from it; what it throws is noted. */
  settle(work: void | Promise<void> | (() => void | Promise<void>)): Promise<void>
}

const PATIENCE_MS = 200

export const watchedHost = (serverKeys: readonly string[]): WatchedHost => {
  const sent = { client: 0, target: 0 }
  const thrown: unknown[] = []
  const reached: string[] = []
  const forbidden = (name: string) => (): never => {
    reached.push(name)
    throw new Refusal('unavailable', `${name} was called for somebody who was not let in`)
  }
  const host: SessionHost = {
    ...quietHost,
    serverKeys,
    send: (side, bytes) => { sent[side] += bytes.length },
    secure: async () => { throw new Refusal('malformed', 'no TLS here') },
    admit: async () => { throw new Refusal('bad-credentials', 'the token was not accepted') },
    abandon: (refusal) => { thrown.push(refusal) },
    random: (bytes) => randomBytes(bytes),
    cancelKey: (bytes) => randomBytes(bytes),
    requestCancel: async () => undefined,
    recognise: forbidden('recognise'), judge: forbidden('judge'), dial: forbidden('dial'), opened: forbidden('opened'), remember: forbidden('remember'),
    recordInput: forbidden('recordInput'), record: forbidden('record'), finish: forbidden('finish'), maskPlan: forbidden('maskPlan'), catalog: forbidden('catalog'),
  }
  return {
    host, sent, thrown,
    reached: () => reached,
    settle: async (work) => {
      try {
        const done = typeof work === 'function' ? work() : work
        await Promise.race([done, new Promise((resolve) => { setTimeout(resolve, PATIENCE_MS).unref() })])
      } catch (error) {
        thrown.push(error)
      }
      await turn()
    },
  }
}
