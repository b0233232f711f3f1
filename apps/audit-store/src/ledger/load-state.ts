import type pg from 'pg'
import { newSession, type SessionState } from '../admission/session-state.js'
import { readEvent } from '../intake/read-message.js'
import { int8Array, textArray } from './arrays.js'
import type { Tip } from './write-plan.js'

interface HeadRow {
  readonly session: string
  readonly proxy: string
  readonly sequence: number
  readonly lost_at: number | null
  readonly ended: boolean
  readonly gaps: readonly { readonly from: number; readonly to: number; readonly kind: 'inner' | 'tail'; readonly resolution: string | null }[] | null
}

const HEADS = `
  select h.session, h.proxy, h.sequence, h.lost_at, h.ended,
    (select json_agg(json_build_object('from', g.from_sequence, 'to', g.to_sequence, 'kind', g.kind, 'resolution', g.resolution))
       from gaps g where g.session = h.session and g.resolution is distinct from 'filled') as gaps
  from session_heads h`

const stateOf = (row: HeadRow, now: number): SessionState => {
  const state = newSession(row.session, row.proxy, now)
  state.head = row.sequence
  state.lostAt = row.lost_at
  state.ended = row.ended
  for (const gap of row.gaps ?? []) {
    if (gap.resolution === 'declared') state.declared.push({ from: gap.from, to: gap.to })
    else state.gap = { from: gap.from, to: gap.to, kind: gap.kind, since: now }
  }
  return state
}

/** The named sessions as far as they are known. */
export const loadSessions = async (pool: pg.Pool, sessions: readonly string[], now: number): Promise<SessionState[]> => {
  const { rows } = await pool.query<HeadRow>({ name: 'heads', text: `${HEADS} where h.session = any($1)`, values: [sessions] })
  return rows.map((row) => stateOf(row, now))
}

/** Every session that is open, or waits for a gap, with its withheld events. */
export const loadOpenSessions = async (pool: pg.Pool, now: number): Promise<Map<string, SessionState>> => {
  const { rows } = await pool.query<HeadRow>(`${HEADS} where not h.ended or h.session in (select session from gaps where resolved_at is null)`)
  const sessions = new Map(rows.map((row) => [row.session, stateOf(row, now)]))
  const withheld = await pool.query<{ session: string; sequence: number; proxy: string; body: Buffer }>('select session, sequence, proxy, body from withheld')
  for (const row of withheld.rows) {
    const event = readEvent(row.body, { kind: 'proxy', proxy: row.proxy }, row.proxy)
    if (!('reason' in event)) sessions.get(row.session)?.withheld.set(row.sequence, event)
  }
  return sessions
}

/** Takes the log over: from now on every other sequencer's writes are refused. */
export const takeOver = async (pool: pg.Pool): Promise<Tip> => {
  const { rows } = await pool.query<{ epoch: number; position: number; stream_sequence: number }>('update sequencer set epoch = epoch + 1 returning epoch, position, stream_sequence')
  return tipOf(rows)
}

export const loadTip = async (pool: pg.Pool): Promise<Tip> => {
  const { rows } = await pool.query<{ epoch: number; position: number; stream_sequence: number }>('select epoch, position, stream_sequence from sequencer')
  return tipOf(rows)
}

const tipOf = (rows: readonly { readonly epoch: number; readonly position: number; readonly stream_sequence: number }[]): Tip => {
  const row = rows[0]
  if (row === undefined) throw new Error('the sequencer\'s row is missing: the schema is not whole')
  return { epoch: row.epoch, position: row.position, streamSequence: row.stream_sequence }
}

/** Control events come at least once: those of the ids that are stored already. */
export const storedControlIds = async (pool: pg.Pool, ids: readonly string[]): Promise<Set<string>> => {
  const { rows } = await pool.query<{ id: string }>('select id from events where session is null and id = any($1::uuid[])', [ids])
  return new Set(rows.map((row) => row.id))
}

/** Ids (in lower case) of the events stored under these numbers, by `session/sequence`. */
export const storedIds = async (pool: pg.Pool, events: readonly { readonly session: string | null; readonly sequence: number }[]): Promise<Map<string, string>> => {
  const { rows } = await pool.query<{ session: string; sequence: number; id: string }>(
    `select e.session, e.sequence, e.id from unnest($1::text[], $2::int8[]) as d (session, sequence) join events e on e.session = d.session and e.sequence = d.sequence`,
    [textArray(events.map((event) => event.session)), int8Array(events.map((event) => event.sequence))],
  )
  return new Map(rows.map((row) => [`${row.session}/${row.sequence}`, row.id]))
}

/**
 * Where to begin in the stream. A stream that was made anew, or that lost its end with a broken server, begins again:
 * what is stored already is recognised by its numbers.
 */
export const resumeAfter = async (pool: pg.Pool, stream: { readonly created: string; readonly lastSequence: number }): Promise<number> => {
  const { rows } = await pool.query<{ stream_sequence: number; stream_created: string }>('select stream_sequence, stream_created from sequencer')
  const known = rows[0]
  if (known?.stream_created === stream.created && known.stream_sequence <= stream.lastSequence) return known.stream_sequence
  await pool.query('update sequencer set stream_created = $1, stream_sequence = 0', [stream.created])
  return 0
}
