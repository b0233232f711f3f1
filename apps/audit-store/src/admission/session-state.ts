import type { Incoming } from '../intake/event.js'

/** Numbers of a session that are missing, both ends included. `tail`: known from the proxy's heartbeat only. */
export interface Gap {
  readonly from: number
  readonly to: number
  readonly kind: 'inner' | 'tail'
  /** Milliseconds of the process's monotonic clock. */
  readonly since: number
}

/** How far one session is stored. Changed in place: when a write fails, all of it is read again from the database. */
export interface SessionState {
  readonly session: string
  readonly proxy: string
  /** Sequence of the last stored event; 0 for none. */
  head: number
  /** Sequence of the store's `session.lost`: from there on nothing of the proxy's counts. */
  lostAt: number | null
  ended: boolean
  /** Gaps that were given up. */
  declared: { readonly from: number; readonly to: number }[]
  gap: Gap | null
  /** Events beyond the gap, by sequence. */
  withheld: Map<number, Incoming>
  /** Monotonic milliseconds of the last sign of life. */
  seenAt: number
}

export const newSession = (session: string, proxy: string, now: number): SessionState =>
  ({ session, proxy, head: 0, lostAt: null, ended: false, declared: [], gap: null, withheld: new Map(), seenAt: now })

/**
 * Up to which number everything of the proxy's is stored: what the proxy may rely on. It never counts numbers that a gap or the
 * store's own event took: a proxy that still lives must not take those for its own.
 */
export const watermarkOf = (state: SessionState): number =>
  Math.min(state.head, ...(state.lostAt === null ? [] : [state.lostAt - 1]), ...state.declared.map(({ from }) => from - 1))
