import { declareGap, loseSession, openGap, type Plan } from '../admission/admit.js'
import type { SessionState } from '../admission/session-state.js'
import { gapEvent, lostEvent } from '../ledger/own-events.js'
import { forgetSilent, lostSessions, missingTails, type Heartbeats } from './liveness.js'
import type { SupervisorOptions } from './supervisor.js'

/** Heartbeats are forgotten after so many times the silence that ends a session. */
const REMEMBERED = 4

/** Ends the sessions of silent proxies, and notices tails that stay away. To be called when nothing of the stream waits to be stored. */
export const createProxySweep = ({ logger, sequencer, source, proxyLostAfterMs, tailAfterMs }: SupervisorOptions, heartbeats: Heartbeats) => {
  const lose = (state: SessionState, plan: Plan, time: number): void => {
    while (state.gap !== null) declareGap(state, gapEvent(state, source, 'the proxy is lost'), plan, time)
    if (state.ended) return
    logger.error({ session: state.session, proxy: state.proxy, lastSequence: state.head }, 'a proxy is silent: its session is lost')
    loseSession(state, lostEvent(state, source, 'the proxy fell silent'), plan)
  }

  return async (now: number): Promise<void> => {
    forgetSilent(heartbeats, now, proxyLostAfterMs * REMEMBERED)
    const tails = missingTails(heartbeats, sequencer.sessions(), now, tailAfterMs)
    const lost = lostSessions(heartbeats, sequencer.sessions(), now, proxyLostAfterMs).map((state) => state.session)
    if (tails.length === 0 && lost.length === 0) return
    await sequencer.append((sessions, plan, time) => {
      for (const { state, to } of tails) {
        if (sessions.get(state.session) === state && state.gap === null && to > state.head) openGap(state, to, 'tail', plan, time)
      }
      for (const session of lost) {
        const state = sessions.get(session)
        if (state !== undefined && !state.ended && time - state.seenAt > proxyLostAfterMs) lose(state, plan, time)
      }
    })
  }
}
