import { sessionEventTypes } from '@sallyport/contracts/session'
import type { Incoming, Quarantined } from '../intake/event.js'
import { newSession, type SessionState } from './session-state.js'

export interface ResolvedGap {
  readonly session: string
  readonly from: number
  readonly to: number
  readonly resolution: 'filled' | 'declared'
}

/** What one transaction will write. Filled by {@link admit}. */
export interface Plan {
  readonly accepted: Incoming[]
  readonly quarantined: Quarantined[]
  /** Sessions whose head is written, and told to their proxy. */
  readonly touched: Set<SessionState>
  readonly withheld: Incoming[]
  /** Withheld events that are stored now. */
  readonly drained: { readonly session: string; readonly sequence: number }[]
  readonly opened: SessionState[]
  readonly resolved: ResolvedGap[]
  duplicates: number
  /** Events whose number is taken: the same event again, or another one, which only the database can tell. */
  readonly doubles: Incoming[]
  /** What each touched session's proxy may rely on once this is committed: planning goes on before that. */
  readonly watermarks: Map<SessionState, number>
}

export const newPlan = (): Plan =>
  ({ accepted: [], quarantined: [], touched: new Set(), withheld: [], drained: [], opened: [], resolved: [], duplicates: 0, doubles: [], watermarks: new Map() })

export const refuse = (plan: Plan, event: Incoming, reason: Quarantined['reason'], detail: string): void => {
  const origin = event.origin.kind === 'proxy' ? event.origin.proxy : event.origin.kind === 'service' ? event.origin.service : 'store'
  plan.quarantined.push({ reason, detail, origin, session: event.session, sequence: event.sequence, position: null, body: event.body })
}

const ends = (type: string): boolean =>
  type === sessionEventTypes.closed || type === sessionEventTypes.refused || type === sessionEventTypes.lost

const accept = (state: SessionState, event: Incoming, plan: Plan): void => {
  plan.accepted.push(event)
  state.head = event.sequence
  if (ends(event.type)) state.ended = true
}

/** Moves on over what was withheld, and closes or moves the gap. */
export const settle = (state: SessionState, plan: Plan, now: number): void => {
  for (let next = state.withheld.get(state.head + 1); next !== undefined; next = state.withheld.get(state.head + 1)) {
    state.withheld.delete(next.sequence)
    plan.drained.push({ session: state.session, sequence: next.sequence })
    accept(state, next, plan)
  }
  if (state.gap !== null && state.head >= state.gap.to) {
    plan.resolved.push({ session: state.session, from: state.gap.from, to: state.gap.to, resolution: 'filled' })
    state.gap = null
  }
  if (state.gap === null && state.withheld.size > 0) openGap(state, Math.min(...state.withheld.keys()) - 1, 'inner', plan, now)
}

export const openGap = (state: SessionState, to: number, kind: 'inner' | 'tail', plan: Plan, now: number): void => {
  state.gap = { from: state.head + 1, to, kind, since: now }
  plan.opened.push(state)
  plan.touched.add(state)
}

/**
 * Gives up a gap: `event` says so in the log, the numbers count as used, and what was withheld behind them is stored.
 * A no-op without an open gap.
 */
export const declareGap = (state: SessionState, event: Incoming, plan: Plan, now: number): void => {
  if (state.gap === null) return
  const range = { from: state.head + 1, to: state.gap.to }
  plan.accepted.push(event)
  if (range.from > state.gap.from) plan.resolved.push({ session: state.session, from: state.gap.from, to: state.head, resolution: 'filled' })
  plan.resolved.push({ session: state.session, ...range, resolution: 'declared' })
  state.declared.push(range)
  state.head = range.to
  state.gap = null
  plan.touched.add(state)
  settle(state, plan, now)
}

/** Ends a session in its proxy's stead: `event` is the store's `session.lost` at head + 1. */
export const loseSession = (state: SessionState, event: Incoming, plan: Plan): void => {
  plan.touched.add(state)
  accept(state, event, plan)
  state.lostAt = event.sequence
}

/**
 * Takes one event of a proxy: the next number is accepted, a number already stored is a duplicate, a later one is withheld until
 * the gap before it is filled. The first event of a session binds it to its proxy.
 */
export const admit = (sessions: Map<string, SessionState>, event: Incoming, plan: Plan, now: number): void => {
  if (event.session === null || event.origin.kind !== 'proxy') return void plan.accepted.push(event)
  let state = sessions.get(event.session)
  if (state === undefined) {
    state = newSession(event.session, event.origin.proxy, now)
    sessions.set(event.session, state)
  }
  if (state.proxy !== event.origin.proxy) return refuse(plan, event, 'foreign-proxy', `the session is of ${state.proxy}`)
  state.seenAt = now
  if (state.lostAt !== null && event.sequence >= state.lostAt) return refuse(plan, event, 'fenced', 'the session was declared lost')
  plan.touched.add(state)
  if (event.sequence <= state.head) {
    if (state.declared.some(({ from, to }) => event.sequence >= from && event.sequence <= to)) return refuse(plan, event, 'late', 'its gap was given up')
    plan.doubles.push(event)
    return
  }
  if (event.sequence === state.head + 1) {
    accept(state, event, plan)
    if (state.gap !== null || state.withheld.size > 0) settle(state, plan, now)
    return
  }
  if (state.withheld.has(event.sequence)) return void plan.doubles.push(event)
  state.withheld.set(event.sequence, event)
  plan.withheld.push(event)
  if (state.gap === null) openGap(state, event.sequence - 1, 'inner', plan, now)
}
