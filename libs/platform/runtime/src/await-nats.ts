import type { Bus } from '@sallyport/messaging'
import type { Logger } from 'pino'
import type { RuntimeConfig } from './config.js'

/** NATS went away while the service was starting, and did not come back in time. */
export class NatsLostError extends Error {
  override readonly name = 'NatsLostError'
  readonly code = 'nats-lost'
}

const POLL_MS = 100
const PROGRESS_MS = 5_000
/** What asking a server that is going, or has no JetStream yet, ends with. */
const OF_THE_BUS = new Set(['TimeoutError', 'NoRespondersError', 'RequestError', 'ConnectionError', 'JetStreamNotEnabled'])

export interface NatsWait {
  readonly bus: Bus
  readonly logger: Logger
  /** On the monotonic clock, in milliseconds. */
  readonly deadline: number
}

/** Repeats a start that failed because NATS went away, once it is back. Throws NatsLostError when it isn't by the deadline, else what `start` throws. */
export const whileNatsLasts = async <T>({ bus, logger, deadline }: NatsWait, start: () => Promise<T>): Promise<T> => {
  for (;;) {
    let lost = !bus.connected
    const forget = bus.onStatus((connected) => { lost ||= !connected })
    try {
      return await start()
    } catch (cause) {
      if (!lost && !OF_THE_BUS.has((cause as Error).name)) throw cause
      logger.warn({ error: String(cause) }, 'NATS was lost while the service was starting: it starts again when that is back')
      await connectedBy({ bus, logger, deadline }, cause)
    } finally {
      void forget()
    }
  }
}

const connectedBy = async ({ bus, logger, deadline }: NatsWait, cause: unknown): Promise<void> => {
  let told = performance.now()
  do {
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS) })
    if (performance.now() > deadline) throw new NatsLostError(String(cause), { cause })
    if (performance.now() - told < PROGRESS_MS) continue
    told = performance.now()
    logger.warn({ secondsLeft: Math.ceil((deadline - told) / 1000) }, 'waiting for NATS')
  } while (!bus.connected)
}

/** What an operator reads when NATS did not come: which settings say where it is and who asks. */
export const withoutNats = (service: string, runtime: RuntimeConfig, cause: unknown): Error => {
  const login = /authorization/i.test(String(cause))
    ? `the server refuses the log-in: check SALLYPORT_NATS_USER (${runtime.SALLYPORT_NATS_USER ?? 'not set'}) and SALLYPORT_NATS_PASSWORD`
    : `check SALLYPORT_NATS_URL (${runtime.SALLYPORT_NATS_URL.replaceAll(/\/\/[^@,/]*@/g, '//')}) and that nats-server runs there with JetStream`
  return new Error(`${service} can't start, NATS did not answer for ${runtime.SALLYPORT_START_MS / 1000} s: ${login}. ${String(cause instanceof Error ? cause.message : cause)}`, { cause })
}
