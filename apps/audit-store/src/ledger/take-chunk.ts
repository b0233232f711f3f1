import type { StreamMessage } from '@sallyport/messaging'
import type pg from 'pg'
import { admit, declareGap, newPlan, refuse, type Plan } from '../admission/admit.js'
import type { SessionState } from '../admission/session-state.js'
import type { Incoming } from '../intake/event.js'
import { readMessage, type MessageContent } from '../intake/read-message.js'
import { loadSessions, storedControlIds, storedIds } from './load-state.js'
import { gapEvent } from './own-events.js'

/** Written in one transaction at most, in bytes of messages: bounds memory, and lets one chunk be read while another is written. */
const CHUNK_BYTES = 1024 * 1024
/** A session's events held back behind a gap: more than this, and the gap is given up at once. */
const WITHHELD_EVENTS_MAX = 2_000

export interface Planning {
  readonly pool: pg.Pool
  readonly sessions: Map<string, SessionState>
  readonly source: string
  readonly now: number
  /** Resolves when everything planned before is committed, and so can be found. */
  readonly written: () => Promise<void>
}

export const chunksOf = (messages: readonly StreamMessage[]): StreamMessage[][] => {
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

/** Plans what a chunk of messages adds to the log. */
export const planChunk = async (messages: readonly StreamMessage[], planning: Planning): Promise<Plan> => {
  const { sessions, source, now } = planning
  const contents = messages.map((message) => readMessage(message.subject, message.data))
  await meetSessions(contents, planning)
  const known = await controlIds(contents, planning)
  const plan = newPlan()
  for (const content of contents) {
    plan.quarantined.push(...content.poison)
    for (const event of content.events) {
      if (event.session === null && isDouble(known, event.id)) plan.duplicates += 1
      else admit(sessions, event, plan, now)
    }
  }
  if (plan.doubles.length > 0) await compareDoubles(plan, planning)
  for (const state of plan.touched) {
    if (state.withheld.size > WITHHELD_EVENTS_MAX) declareGap(state, gapEvent(state, source, 'too much waited behind it'), plan, now)
  }
  return plan
}

/** Reads the sessions of these events that are not remembered. */
const meetSessions = async (contents: readonly MessageContent[], { pool, sessions, now }: Planning): Promise<void> => {
  const unknown = new Set<string>()
  for (const content of contents) {
    for (const event of content.events) if (event.session !== null && !sessions.has(event.session)) unknown.add(event.session)
  }
  if (unknown.size === 0) return
  for (const state of await loadSessions(pool, [...unknown], now)) sessions.set(state.session, state)
}

/** Control events come at least once: those of these that are stored. */
const controlIds = async (contents: readonly MessageContent[], { pool, written }: Planning): Promise<Set<string>> => {
  const ids = contents.flatMap((content) => content.events.filter((event) => event.session === null).map((event) => event.id.toLowerCase()))
  if (ids.length === 0) return new Set()
  await written()
  return storedControlIds(pool, ids)
}

/** Also remembers it, for a double within the same chunk. */
const isDouble = (seen: Set<string>, id: string): boolean => {
  const known = seen.has(id.toLowerCase())
  seen.add(id.toLowerCase())
  return known
}

const keyOf = (event: Pick<Incoming, 'session' | 'sequence'>): string => `${event.session}/${event.sequence}`

/** A number that comes again must be the same event: another one under a used number is never dropped silently. */
const compareDoubles = async (plan: Plan, { pool, sessions, written }: Planning): Promise<void> => {
  await written()
  const ids = await storedIds(pool, plan.doubles)
  for (const event of [...plan.accepted, ...plan.withheld]) ids.set(keyOf(event), event.id.toLowerCase())
  for (const event of plan.doubles) {
    const stored = ids.get(keyOf(event)) ?? sessions.get(event.session ?? '')?.withheld.get(event.sequence)?.id.toLowerCase()
    if (stored !== undefined && stored !== event.id.toLowerCase()) refuse(plan, event, 'conflict', 'another event has this number')
    else plan.duplicates += 1
  }
}
