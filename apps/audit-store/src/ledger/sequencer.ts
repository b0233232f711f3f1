import type { StreamMessage } from '@sallyport/messaging'
import type pg from 'pg'
import { admit, declareGap, newPlan, type Plan } from '../admission/admit.js'
import { watermarkOf, type SessionState } from '../admission/session-state.js'
import { readMessage, type MessageContent } from '../intake/read-message.js'
import { loadOpenSessions, loadSessions, loadTip, storedControlIds, takeOver } from './load-state.js'
import { gapEvent } from './own-events.js'
import { FencedError, storeValues, writePlan, type Tip } from './write-plan.js'

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
  readonly now?: () => number
}

/** Written in one transaction at most, in bytes of messages: bounds memory, and lets one chunk be read while another is written. */
const CHUNK_BYTES = 1024 * 1024
/** A session's events held back behind a gap: more than this, and the gap is given up at once. */
export const WITHHELD_EVENTS_MAX = 2_000
const SESSIONS_CACHED_MAX = 50_000

interface Memory {
  tip: Tip
  readonly sessions: Map<string, SessionState>
}

/**
 * The one writer of the log. Everything it does goes through one line: messages of the stream, and the store's own events.
 * It plans on what it remembers, one chunk ahead of the database; when a write fails it forgets all and reads the database again.
 */
export const createSequencer = (options: SequencerOptions) => {
  const { pool, source, onStored } = options
  const now = options.now ?? (() => performance.now())
  let epoch: number | undefined
  let memory: Memory | undefined
  let writing: Promise<void> = Promise.resolve()
  let line: Promise<unknown> = Promise.resolve()

  const inLine = <T>(work: () => Promise<T>): Promise<T> => {
    const next = line.then(work, work)
    line = next.catch(() => undefined)
    return next
  }

  const remember = async (): Promise<Memory> => {
    if (memory !== undefined) return memory
    const tip = epoch === undefined ? await takeOver(pool) : await loadTip(pool)
    epoch ??= tip.epoch
    if (tip.epoch !== epoch) throw new FencedError('another sequencer has taken over the log')
    memory = { tip, sessions: await loadOpenSessions(pool, now()) }
    return memory
  }

  /** Hands the plan to the database after the one before it; the caller goes on. */
  const write = async (known: Memory, plan: Plan, streamSequence: number): Promise<void> => {
    for (const state of plan.touched) plan.watermarks.set(state, watermarkOf(state))
    const values = storeValues(plan)
    await writing
    const before = known.tip
    known.tip = { epoch: before.epoch, position: before.position + plan.accepted.length, streamSequence }
    const began = performance.now()
    writing = writePlan(pool, { plan, values, tip: before, streamSequence }).then(() => {
      onStored({ plan, position: before.position + 1, seconds: (performance.now() - began) / 1000 })
    })
    // The next one in line, or the end of this one, awaits it; until then it must not count as unhandled.
    writing.catch(() => undefined)
  }

  const settled = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      const result = await work()
      await writing
      return result
    } catch (error) {
      memory = undefined
      await writing.catch(() => undefined)
      writing = Promise.resolve()
      throw error
    }
  }

  const takeChunk = async (known: Memory, messages: readonly StreamMessage[]): Promise<void> => {
    const contents = messages.map((message) => readMessage(message.subject, message.data))
    await meetSessions(pool, known.sessions, contents, now())
    const plan = newPlan()
    const control = contents.flatMap((content) => content.events.filter((event) => event.session === null).map((event) => event.id.toLowerCase()))
    // What is still being written can't be found yet.
    if (control.length > 0) await writing
    const doubles = control.length === 0 ? new Set<string>() : await storedControlIds(pool, control)
    for (const content of contents) {
      plan.quarantined.push(...content.poison)
      for (const event of content.events) {
        if (event.session === null && isDouble(doubles, event.id)) plan.duplicates += 1
        else admit(known.sessions, event, plan, now())
      }
    }
    for (const state of plan.touched) {
      if (state.withheld.size > WITHHELD_EVENTS_MAX) declareGap(state, gapEvent(state, source, 'too much waited behind it'), plan, now())
    }
    await write(known, plan, messages.at(-1)?.sequence ?? known.tip.streamSequence)
    if (known.sessions.size <= SESSIONS_CACHED_MAX) return
    await writing
    forgetEnded(known.sessions)
  }

  return {
    /** Stores messages of the stream; resolves when all of them are committed. Rejects with FencedError when replaced. */
    take: (messages: readonly StreamMessage[]): Promise<void> => inLine(() => settled(async () => {
      const known = await remember()
      for (const chunk of chunksOf(messages)) await takeChunk(known, chunk)
    })),
    /** Stores events of the store's own: `compose` fills the plan from the sessions as they are. */
    append: (compose: (sessions: ReadonlyMap<string, SessionState>, plan: Plan, now: number) => void): Promise<void> => inLine(() => settled(async () => {
      const known = await remember()
      const plan = newPlan()
      compose(known.sessions, plan, now())
      if (plan.accepted.length > 0 || plan.touched.size > 0 || plan.quarantined.length > 0) await write(known, plan, known.tip.streamSequence)
    })),
    /** Takes the log over, before anything else. */
    open: (): Promise<Tip> => inLine(async () => (await remember()).tip),
    /** Sessions as planned; empty while nothing is remembered. */
    sessions: (): ReadonlyMap<string, SessionState> => memory?.sessions ?? new Map<string, SessionState>(),
    tip: (): Tip | undefined => memory?.tip,
    /** Resolves when nothing is in line. */
    idle: (): Promise<void> => inLine(async () => undefined),
  }
}

export type Sequencer = ReturnType<typeof createSequencer>

const chunksOf = (messages: readonly StreamMessage[]): StreamMessage[][] => {
  const chunks: StreamMessage[][] = []
  let bytes = CHUNK_BYTES
  for (const message of messages) {
    if (bytes + message.data.length > CHUNK_BYTES) {
      chunks.push([])
      bytes = 0
    }
    chunks.at(-1)?.push(message)
    bytes += message.data.length
  }
  return chunks
}

/** Reads the sessions of these events that are not remembered. */
const meetSessions = async (pool: pg.Pool, sessions: Map<string, SessionState>, contents: readonly MessageContent[], now: number): Promise<void> => {
  const unknown = new Set<string>()
  for (const content of contents) {
    for (const event of content.events) if (event.session !== null && !sessions.has(event.session)) unknown.add(event.session)
  }
  if (unknown.size === 0) return
  for (const state of await loadSessions(pool, [...unknown], now)) sessions.set(state.session, state)
}

/** Also remembers it, for a double within the same chunk. */
const isDouble = (seen: Set<string>, id: string): boolean => {
  const known = seen.has(id.toLowerCase())
  seen.add(id.toLowerCase())
  return known
}

const forgetEnded = (sessions: Map<string, SessionState>): void => {
  for (const state of sessions.values()) {
    if (state.ended && state.gap === null) sessions.delete(state.session)
  }
}
