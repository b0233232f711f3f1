import type { SessionState } from '../admission/session-state.js'

/** What the proxies' heartbeats said of each session. Times are milliseconds of the process's monotonic clock. */
export interface Heartbeats {
  /** By session: when it was last listed, by which proxy, and how far it was published. */
  readonly listed: Map<string, { readonly proxy: string; readonly at: number; readonly last: number; readonly behindSince: number | null }>
  /** Before that nothing could be heard: the bus was away, or another instance listened. */
  listeningSince: number
}

export const newHeartbeats = (now: number): Heartbeats => ({ listed: new Map(), listeningSince: now })

/** Takes one heartbeat in. Sessions of another proxy are not believed. */
export const heard = (heartbeats: Heartbeats, sessions: ReadonlyMap<string, SessionState>, beat: { readonly proxy: string; readonly sessions: readonly (readonly [string, number])[] }, now: number): void => {
  for (const [session, last] of beat.sessions) {
    const state = sessions.get(session)
    if (state !== undefined && state.proxy !== beat.proxy) continue
    const before = heartbeats.listed.get(session)
    const behind = last > (state?.head ?? 0)
    heartbeats.listed.set(session, { proxy: beat.proxy, at: now, last, behindSince: behind ? (before?.behindSince ?? now) : null })
  }
}

/** Forgets sessions that nobody lists any more. */
export const forgetSilent = (heartbeats: Heartbeats, now: number, afterMs: number): void => {
  for (const [session, entry] of heartbeats.listed) if (now - entry.at > afterMs) heartbeats.listed.delete(session)
}

/**
 * Open sessions whose proxy fell silent, or lives again without them. Both show in the same way: nobody listed the session and no
 * event of it came for `afterMs`.
 */
export const lostSessions = (heartbeats: Heartbeats, sessions: ReadonlyMap<string, SessionState>, now: number, afterMs: number): SessionState[] =>
  [...sessions.values()].filter((state) =>
    !state.ended && now - Math.max(state.seenAt, heartbeats.listed.get(state.session)?.at ?? 0, heartbeats.listeningSince) > afterMs)

/** Sessions of which the end is missing: published long enough ago, and neither stored nor on the way. */
export const missingTails = (heartbeats: Heartbeats, sessions: ReadonlyMap<string, SessionState>, now: number, afterMs: number): { readonly state: SessionState; readonly to: number }[] => {
  const tails: { state: SessionState; to: number }[] = []
  for (const [session, entry] of heartbeats.listed) {
    const state = sessions.get(session)
    if (state === undefined || state.ended || state.gap !== null || entry.last <= state.head) continue
    if (entry.behindSince !== null && now - entry.behindSince > afterMs && now - state.seenAt > afterMs) tails.push({ state, to: entry.last })
  }
  return tails
}
