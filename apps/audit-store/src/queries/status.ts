import type { confirmStored, storeStatus, watermarks } from '@sallyport/contracts/audit'
import { EVENT_STREAM } from '@sallyport/contracts/events'
import type { Bus } from '@sallyport/messaging'
import type pg from 'pg'
import type { z } from 'zod'
import { watermarkOf } from '../admission/session-state.js'
import { loadSessions, storedControlIds } from '../ledger/load-state.js'

interface StatusRow {
  readonly position: number
  readonly stream_sequence: number
  readonly projected: number
  readonly quarantined: number
  readonly gaps: number
  readonly rebuilding: boolean
}

/** From the database and the stream, so that every instance answers the same. */
export const readStatus = async (pool: pg.Pool, bus: Bus): Promise<z.input<typeof storeStatus.response>> => {
  const stream = await bus.streamState(EVENT_STREAM)
  const { rows } = await pool.query<StatusRow>(`
    select position, stream_sequence,
      (select position from projection_checkpoints where name = 'current') as projected,
      (select count(*) from quarantine) as quarantined,
      (select count(*) from gaps where resolved_at is null) as gaps,
      exists (select from projection_checkpoints where name = 'next') as rebuilding
    from sequencer`)
  const row = rows[0]
  if (row === undefined) throw new Error('the sequencer\'s row is missing: the schema is not whole')
  return {
    stored: row.position, lag: Math.max(0, stream.lastSequence - row.stream_sequence), quarantined: row.quarantined, gaps: row.gaps,
    projectionLag: Math.max(0, row.position - row.projected), rebuilding: row.rebuilding,
  }
}

/** How far the named sessions are stored; unknown ones are left out. */
export const readWatermarks = async (pool: pg.Pool, sessions: readonly string[]): Promise<z.input<typeof watermarks.response>> => {
  const states = await loadSessions(pool, sessions, 0)
  return { sessions: states.map((state) => [state.session, watermarkOf(state)]) }
}

/** Which control events are kept. The position comes first: what it covers is visible to the look-up after it. */
export const confirmControl = async (pool: pg.Pool, bus: Bus, ids: readonly string[]): Promise<z.input<typeof confirmStored.response>> => {
  const { rows } = await pool.query<{ stream_sequence: number }>('select stream_sequence from sequencer')
  const { lastSequence } = await bus.streamState(EVENT_STREAM)
  return { stored: [...await storedControlIds(pool, ids)], takenIn: rows[0]?.stream_sequence ?? 0, last: lastSequence }
}
