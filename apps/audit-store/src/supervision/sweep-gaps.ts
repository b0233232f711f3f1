import { at } from '@sallyport/contracts/rpc'
import { republish } from '@sallyport/contracts/session'
import { declareGap } from '../admission/admit.js'
import type { SessionState } from '../admission/session-state.js'
import { gapEvent } from '../ledger/own-events.js'
import type { SupervisorOptions } from './supervisor.js'

const ASK_AGAIN_MS = 2_000
const ASK_TIMEOUT_MS = 2_000

/** Asks proxies for what is missing, again and again, and gives an inner gap up when its deadline has passed. */
export const createGapSweep = ({ bus, logger, sequencer, source, gapDeadlineMs }: SupervisorOptions) => {
  const asked = new Map<string, number>()

  const askFor = (state: SessionState, now: number): void => {
    if (state.gap === null || now - (asked.get(state.session) ?? Number.NEGATIVE_INFINITY) < ASK_AGAIN_MS) return
    asked.set(state.session, now)
    const range = { session: state.session, from: state.head + 1, to: state.gap.to }
    logger.warn({ ...range, proxy: state.proxy, kind: state.gap.kind }, 'events of a session are missing, its proxy is asked for them')
    bus.call(at(republish, state.proxy), range, { timeoutMs: ASK_TIMEOUT_MS })
      .catch((error: unknown) => logger.warn({ ...range, proxy: state.proxy, error: String(error) }, 'the proxy could not be asked for missing events'))
  }

  return async (now: number): Promise<void> => {
    const waiting = [...sequencer.sessions().values()].filter((state) => state.gap !== null)
    for (const state of waiting) askFor(state, now)
    for (const session of asked.keys()) if (!waiting.some((state) => state.session === session)) asked.delete(session)
    // A missing tail holds nothing back: it is asked for until it comes or its proxy is lost.
    const overdue = (state: SessionState | undefined, time: number): state is SessionState => state?.gap?.kind === 'inner' && time - state.gap.since > gapDeadlineMs
    const given = waiting.filter((state) => overdue(state, now)).map((state) => state.session)
    if (given.length === 0) return
    await sequencer.append((sessions, plan, time) => {
      for (const session of given) {
        const state = sessions.get(session)
        if (!overdue(state, time)) continue
        logger.error({ session, from: state.head + 1, to: state.gap?.to }, 'events of a session never came: their gap is recorded')
        declareGap(state, gapEvent(state, source, 'the proxy did not publish them again'), plan, time)
      }
    })
  }
}
