import { EVENT_STREAM } from '@sallyport/contracts/events'
import { proxyHeartbeatSchema, proxyHeartbeatSubject } from '@sallyport/contracts/session'
import type { Bus, BusLogger, Stop } from '@sallyport/messaging'
import type { Sequencer } from '../ledger/sequencer.js'
import { heard, newHeartbeats } from './liveness.js'
import { createGapSweep } from './sweep-gaps.js'
import { createProxySweep } from './sweep-proxies.js'

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
  /** Messages of the stream that are not stored yet, whenever it could be learned. */
  readonly onLag: (messages: number) => void
}

const TICK_MS = 500

/**
 * Watches what the log doesn't say by itself: gaps, which it has filled by their proxy or gives up, and proxies that fell silent,
 * whose sessions it ends. Runs beside the active sequencer only.
 */
export const startSupervisor = (options: SupervisorOptions): Stop => {
  const { bus, logger, sequencer } = options
  const heartbeats = newHeartbeats(performance.now())
  const sweepGaps = createGapSweep(options)
  const sweepProxies = createProxySweep(options, heartbeats)
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()

  const stops = [
    bus.subscribe(proxyHeartbeatSubject('*'), (payload, subject) => {
      const beat = proxyHeartbeatSchema.parse(payload)
      // The bus lets a proxy publish under its own name only: what it says of itself counts, and nothing else.
      if (subject !== proxyHeartbeatSubject(beat.proxy)) return logger.warn({ subject, claimed: beat.proxy }, 'a heartbeat in another proxy\'s name was dropped')
      heard(heartbeats, sequencer.sessions(), beat, performance.now())
    }),
    bus.onStatus((connected) => {
      // Silence counts from when it could be heard.
      if (connected) heartbeats.listeningSince = performance.now()
    }),
  ]

  const sweep = async (): Promise<void> => {
    const { lastSequence } = await bus.streamState(EVENT_STREAM)
    const lag = Math.max(0, lastSequence - (sequencer.tip()?.streamSequence ?? 0))
    options.onLag(lag)
    await sweepGaps(performance.now())
    if (lag === 0 && bus.connected) await sweepProxies(performance.now())
  }

  const next = (): void => {
    timer = setTimeout(() => {
      running = sweep()
        .catch((error: unknown) => { if (!stopped) logger.warn({ error: String(error) }, 'gaps and proxies could not be looked after, it is tried again') })
        .finally(() => { if (!stopped) next() })
    }, TICK_MS)
  }
  next()

  return async () => {
    stopped = true
    clearTimeout(timer)
    await running
    for (const stop of stops) await stop()
  }
}
