import type { StreamMessage } from '@sallyport/messaging'
import type pg from 'pg'
import { newPlan, type Plan } from '../admission/admit.js'
import { watermarkOf, type SessionState } from '../admission/session-state.js'
import { loadOpenSessions, loadTip, takeOver } from './load-state.js'
import { chunksOf, planChunk } from './take-chunk.js'
import { FencedError, storeStatement, writePlan, type Tip } from './write-plan.js'

/** What was committed: told to proxies, projected, and measured. */
export interface Stored {
  readonly plan: Plan
  /** Of the first accepted event. */
  readonly position: number
  readonly seconds: number
}

export interface SequencerOptions {
  readonly pool: pg.Pool
  /** Name of this instance, for the store's own events. */
  readonly source: string
  /** Called after each commit, in order. Must not throw. */
  readonly onStored: (stored: Stored) => void
}

/** The one writer of the log. */
export interface Sequencer {
  /** Takes the log over, before anything else. */
  open(): Promise<Tip>
  /** Stores messages of the stream; resolves when all of them are committed. Rejects with FencedError when replaced. */
  take(messages: readonly StreamMessage[]): Promise<void>
  /** Stores events of the store's own: `compose` fills the plan from the sessions as they are. */
  append(compose: (sessions: ReadonlyMap<string, SessionState>, plan: Plan, now: number) => void): Promise<void>
  /** Sessions as planned; empty while nothing is remembered. */
  sessions(): ReadonlyMap<string, SessionState>
  tip(): Tip | undefined
}

interface Memory {
  tip: Tip
  readonly sessions: Map<string, SessionState>
}

const SESSIONS_REMEMBERED_MAX = 50_000

/** Writes plans one after the other, while the caller plans on: at most one is under way. */
const createWriter = ({ pool, onStored }: SequencerOptions) => {
  let writing: Promise<void> = Promise.resolve()
  return {
    written: (): Promise<void> => writing,
    write: async (known: Memory, plan: Plan, streamSequence: number): Promise<void> => {
      for (const state of plan.touched) plan.watermarks.set(state, watermarkOf(state))
      const statement = storeStatement(plan)
      await writing
      const before = known.tip
      known.tip = { epoch: before.epoch, position: before.position + plan.accepted.length, streamSequence }
      const began = performance.now()
      writing = writePlan(pool, { plan, statement, tip: before, streamSequence }).then(() => {
        onStored({ plan, position: before.position + 1, seconds: (performance.now() - began) / 1000 })
      })
      // It is awaited by the next one or by the end; until then it must not count as unhandled.
      writing.catch(() => undefined)
    },
    reset: async (): Promise<void> => {
      await writing.catch(() => undefined)
      writing = Promise.resolve()
    },
  }
}

/**
 * Everything goes through one line: messages of the stream, and the store's own events. It plans on what it remembers, one chunk
 * ahead of the database; when a write fails it forgets all and reads the database again, which alone knows what was committed.
 */
export const createSequencer = (options: SequencerOptions): Sequencer => {
  const { pool, source } = options
  const writer = createWriter(options)
  let epoch: number | undefined
  let memory: Memory | undefined
  let line: Promise<unknown> = Promise.resolve()

  const remember = async (): Promise<Memory> => {
    if (memory !== undefined) return memory
    const tip = epoch === undefined ? await takeOver(pool) : await loadTip(pool)
    epoch ??= tip.epoch
    if (tip.epoch !== epoch) throw new FencedError('another sequencer has taken over the log')
    memory = { tip, sessions: await loadOpenSessions(pool, performance.now()) }
    return memory
  }

  const inLine = <T>(work: (known: Memory) => Promise<T>): Promise<T> => {
    const whole = async (): Promise<T> => {
      try {
        const result = await work(await remember())
        await writer.written()
        return result
      } catch (error) {
        memory = undefined
        await writer.reset()
        throw error
      }
    }
    const next = line.then(whole, whole)
    line = next.catch(() => undefined)
    return next
  }

  const forgetEnded = async (known: Memory): Promise<void> => {
    if (known.sessions.size <= SESSIONS_REMEMBERED_MAX) return
    await writer.written()
    for (const state of known.sessions.values()) if (state.ended && state.gap === null) known.sessions.delete(state.session)
  }

  return {
    open: () => inLine(async (known) => known.tip),
    take: (messages) => inLine(async (known) => {
      for (const chunk of chunksOf(messages)) {
        const plan = await planChunk(chunk, { pool, source, sessions: known.sessions, now: performance.now(), written: writer.written })
        await writer.write(known, plan, chunk.at(-1)?.sequence ?? known.tip.streamSequence)
        await forgetEnded(known)
      }
    }),
    append: (compose) => inLine(async (known) => {
      const plan = newPlan()
      compose(known.sessions, plan, performance.now())
      if (plan.accepted.length > 0 || plan.touched.size > 0) await writer.write(known, plan, known.tip.streamSequence)
    }),
    sessions: () => memory?.sessions ?? new Map<string, SessionState>(),
    tip: () => memory?.tip,
  }
}
