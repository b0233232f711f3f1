import { EVENT_STREAM } from '@sallyport/contracts/events'
import { at } from '@sallyport/contracts/rpc'
import { proxyHeartbeatSchema, PROXY_HEARTBEAT, republish } from '@sallyport/contracts/session'
import type { Bus, BusLogger, Stop } from '@sallyport/messaging'
import { declareGap, loseSession, openGap } from '../admission/admit.js'
import type { SessionState } from '../admission/session-state.js'
import { gapEvent, lostEvent } from '../ledger/own-events.js'
import type { Sequencer } from '../ledger/sequencer.js'
import { forgetSilent, heard, lostSessions, missingTails, newHeartbeats } from './liveness.js'

export interface SupervisorOptions {
  readonly bus: Bus
  readonly logger: BusLogger
  readonly sequencer: Sequencer
  readonly source: string
  /** How long an inner gap is waited for before it is given up. */
  readonly gapDeadlineMs: number
  readonly proxyLostAfterMs: number
  /** How long published events may be on their way before they are asked for again. */
  readonly tailAfterMs: number
  /** Messages of the stream that are not stored yet, when it could be learned. */
  readonly onLag: (messages: number) => void
}

const TICK_MS = 500
const ASK_AGAIN_MS = 2_000
const ASK_TIMEOUT_MS = 2_000

/**
 * Watches what the log doesn't say by itself: gaps, which it has filled by their proxy or gives up, and proxies that fell silent,
 * whose sessions it ends. Runs beside the active sequencer only.
 */
export const startSupervisor = (options: SupervisorOptions): Stop => {
  const { bus, logger, sequencer, source } = options
  const heartbeats = newHeartbeats(performance.now())
  const asked = new Map<string, number>()
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()

  const stops = [
    bus.subscribe(PROXY_HEARTBEAT, (payload) => heard(heartbeats, sequencer.sessions(), proxyHeartbeatSchema.parse(payload), performance.now())),
    bus.onStatus((connected) => {
      // Silence counts from when it could be heard.
      if (connected) heartbeats.listeningSince = performance.now()
    }),
  ]

  const askFor = (state: SessionState, now: number): void => {
    if (state.gap === null || now - (asked.get(state.session) ?? Number.NEGATIVE_INFINITY) < ASK_AGAIN_MS) return
    asked.set(state.session, now)
    const range = { session: state.session, from: state.head + 1, to: state.gap.to }
    logger.warn({ ...range, proxy: state.proxy, kind: state.gap.kind }, 'events of a session are missing, its proxy is asked for them')
    bus.call(at(republish, state.proxy), range, { timeoutMs: ASK_TIMEOUT_MS })
      .catch((error: unknown) => logger.warn({ ...range, proxy: state.proxy, error: String(error) }, 'the proxy could not be asked for missing events'))
  }

  const sweepGaps = async (now: number): Promise<void> => {
    const waiting = [...sequencer.sessions().values()].filter((state) => state.gap !== null)
    for (const state of waiting) askFor(state, now)
    for (const session of asked.keys()) if (!waiting.some((state) => state.session === session)) asked.delete(session)
    // A missing tail holds nothing back: it is asked for until it comes or its proxy is lost.
    const given = waiting.filter((state) => state.gap?.kind === 'inner' && now - state.gap.since > options.gapDeadlineMs).map((state) => state.session)
    if (given.length === 0) return
    await sequencer.append((sessions, plan, time) => {
      for (const session of given) {
        const state = sessions.get(session)
        if (state?.gap?.kind !== 'inner' || time - state.gap.since <= options.gapDeadlineMs) continue
        logger.error({ session, from: state.head + 1, to: state.gap.to }, 'events of a session never came: their gap is recorded')
        declareGap(state, gapEvent(state, source, 'the proxy did not publish them again'), plan, time)
      }
    })
  }

  const sweepProxies = async (now: number, caughtUp: boolean): Promise<void> => {
    forgetSilent(heartbeats, now, options.proxyLostAfterMs * 4)
    if (!caughtUp || !bus.connected) return
    const tails = missingTails(heartbeats, sequencer.sessions(), now, options.tailAfterMs)
    const lost = lostSessions(heartbeats, sequencer.sessions(), now, options.proxyLostAfterMs).map((state) => state.session)
    if (tails.length === 0 && lost.length === 0) return
    await sequencer.append((sessions, plan, time) => {
      for (const { state, to } of tails) {
        if (sessions.get(state.session) === state && state.gap === null && to > state.head) openGap(state, to, 'tail', plan, time)
      }
      for (const session of lost) {
        const state = sessions.get(session)
        if (state === undefined || state.ended || time - state.seenAt <= options.proxyLostAfterMs) continue
        while (state.gap !== null) declareGap(state, gapEvent(state, source, 'the proxy is lost'), plan, time)
        if (state.ended) continue
        logger.error({ session, proxy: state.proxy, lastSequence: state.head }, 'a proxy is silent: its session is lost')
        loseSession(state, lostEvent(state, source, 'the proxy fell silent'), plan)
      }
    })
  }

  const tick = async (): Promise<void> => {
    try {
      const now = performance.now()
      const stream = await bus.streamState(EVENT_STREAM)
      const lag = Math.max(0, stream.lastSequence - (sequencer.tip()?.streamSequence ?? 0))
      options.onLag(lag)
      await sweepGaps(now)
      await sweepProxies(now, lag === 0)
    } catch (error) {
      if (!stopped) logger.warn({ error: String(error) }, 'gaps and proxies could not be looked after, it is tried again')
    }
    if (!stopped) timer = setTimeout(() => { running = tick() }, TICK_MS)
  }
  timer = setTimeout(() => { running = tick() }, TICK_MS)

  return async () => {
    stopped = true
    clearTimeout(timer)
    await running
    for (const stop of stops) await stop()
  }
}
