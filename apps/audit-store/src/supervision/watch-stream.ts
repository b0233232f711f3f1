import { EVENT_STREAM } from '@sallyport/contracts/events'
import type { Bus, BusLogger, Stop } from '@sallyport/messaging'
import type { StoreMetrics } from '../metrics.js'

export interface StreamWatchOptions {
  readonly bus: Bus
  readonly logger: BusLogger
  readonly metrics: Pick<StoreMetrics, 'streamBytes' | 'streamBytesMax'>
  readonly bytesMax: number
}

const WATCH_MS = 1_000
const ALARM_SHARE = 0.8
/** The alarm is over below this, so that it doesn't flutter. */
const CALM_SHARE = 0.7
/** While it lasts it is repeated: watches of a second each. */
const REMIND_EVERY = 60

/**
 * Makes the event stream, again when it was lost with its server, and watches how full it is. By every instance, whether or not it writes the
 * log: a stream fills when nobody does.
 */
export const watchStream = ({ bus, logger, metrics, bytesMax }: StreamWatchOptions): Stop => {
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()
  let alarmed = 0
  let warned = false

  const look = async (): Promise<void> => {
    const state = await bus.streamState(EVENT_STREAM).catch(async (error: unknown) => {
      if (!/not found/i.test(String(error))) throw error
      logger.error({}, 'the event stream is gone: it is made anew; proxies and outboxes publish again what the store does not have')
      return bus.ensureEventStream({ bytesMax })
    })
    metrics.streamBytes.set(state.bytes)
    metrics.streamBytesMax.set(state.bytesMax)
    if (state.keepsStored && !warned) {
      warned = true
      logger.warn({ stream: EVENT_STREAM }, 'the event stream is of an earlier version: it keeps what is stored, for three days or until it is full. Remove it when you can (docs/guides/operating.md): it is made anew and nothing is lost')
    }
    const share = state.bytes / state.bytesMax
    if (share >= ALARM_SHARE) {
      if (alarmed % REMIND_EVERY === 0) logger.error({ bytes: state.bytes, bytesMax: state.bytesMax, percent: Math.floor(share * 100) }, 'the event stream is nearly full: when it is, commands are refused until the store has caught up')
      alarmed += 1
    } else if (share < CALM_SHARE) alarmed = 0
  }

  const next = (): void => {
    timer = setTimeout(() => {
      // While the bus is away there is nothing to see, and readiness says so.
      running = (bus.connected ? look() : Promise.resolve())
        .catch((error: unknown) => { if (!stopped) logger.warn({ error: String(error) }, 'the event stream could not be looked at') })
        .finally(() => { if (!stopped) next() })
    }, WATCH_MS)
  }
  next()
  return async () => {
    stopped = true
    clearTimeout(timer)
    await running
  }
}
