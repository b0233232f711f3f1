import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager, type ConsumerMessages, type JsMsg } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { BusLogger, Stop } from './bus.js'

/** One message of a stream. `sequence` is the stream's. */
export interface StreamMessage {
  readonly subject: string
  readonly data: Uint8Array
  readonly sequence: number
}

export interface ConsumeOptions {
  readonly stream: string
  readonly durable: string
  /** Most messages handed over at once, and half of what may be unacknowledged. */
  readonly batch: number
  /**
   * Gets what gathered meanwhile, in stream order; the messages are acknowledged when it resolves. When it rejects, the same
   * messages are handed over again after a pause: it must be idempotent.
   */
  readonly handler: (messages: readonly StreamMessage[]) => Promise<void>
  /**
   * For a reader that keeps its position itself, in the transaction of what it stores: asked at every opening for the stream
   * sequence after which to begin. The server's own consumer is made anew, so nothing waits for an acknowledgement time-out.
   */
  readonly startAfter?: () => Promise<number>
  /** Messages whose outcome nobody waits for: while only such ones are there, they are handed over after so many milliseconds, or when there are many. */
  readonly gather?: { readonly patient: (subject: string) => boolean; readonly ms: number }
}

const RETRY_MS = 500
const ACK_WAIT_NS = 60_000_000_000
/** So many messages are worth a batch at once. */
const GATHERED_ENOUGH = 64

/** A durable pull consumer with one active reader. Comes back by itself after a lost connection or consumer. */
export const consumeStream = (connection: NatsConnection, options: ConsumeOptions, logger: BusLogger): Stop => {
  let stopped = false
  let messages: ConsumerMessages | undefined
  let running: Promise<void> = Promise.resolve()

  const open = async (): Promise<ConsumerMessages> => {
    const manager = await jetstreamManager(connection, { checkAPI: false })
    const startAfter = await options.startAfter?.()
    if (startAfter !== undefined) await manager.consumers.delete(options.stream, options.durable).catch(ignoreNotFound)
    await manager.consumers.add(options.stream, {
      durable_name: options.durable,
      ack_policy: AckPolicy.All,
      ...(startAfter === undefined || startAfter < 1
        ? { deliver_policy: DeliverPolicy.All }
        : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: startAfter + 1 }),
      ack_wait: ACK_WAIT_NS,
      max_ack_pending: options.batch * 4,
    })
    const consumer = await jetstream(connection, { checkAPI: false }).consumers.get(options.stream, options.durable)
    return consumer.consume({ max_messages: options.batch * 2, idle_heartbeat: 2_000, expires: 10_000 })
  }

  const handle = async (batch: JsMsg[]): Promise<void> => {
    const plain = batch.map((message) => ({ subject: message.subject, data: message.data, sequence: message.seq }))
    while (!stopped) {
      try {
        await options.handler(plain)
        // Each, though the last would do: the server forgets a reply it permits only when it came (nats-server issue 6058).
        for (const message of batch) message.ack()
        return
      } catch (error) {
        logger.error({ durable: options.durable, messages: batch.length, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }, 'bus: a batch could not be handled, it is tried again')
        await new Promise((resolve) => { setTimeout(resolve, RETRY_MS) })
      }
    }
  }

  const loop = async (): Promise<void> => {
    while (!stopped) {
      try {
        messages = await open()
        await drainInBatches(messages, options, handle)
      } catch (error) {
        if (stopped) return
        logger.warn({ durable: options.durable, error: String(error) }, 'bus: the consumer ended, it is opened again')
      }
      if (!stopped) await new Promise((resolve) => { setTimeout(resolve, RETRY_MS) })
    }
  }
  running = loop()

  return async () => {
    stopped = true
    await messages?.close().catch(() => undefined)
    await running
  }
}

const ignoreNotFound = (error: unknown): void => {
  if (!/not found/i.test(String(error))) throw error
}

/** Hands over what gathered while the last batch was handled: group commit. */
const drainInBatches = async (messages: ConsumerMessages, { batch: batchMax, gather }: ConsumeOptions, handle: (batch: JsMsg[]) => Promise<void>): Promise<void> => {
  let gathered: JsMsg[] = []
  let urgent = false
  let ended = false
  let wake: (() => void) | undefined
  const hurry = (): boolean => urgent || ended || gathered.length >= Math.min(GATHERED_ENOUGH, batchMax)
  const reading = (async () => {
    for await (const message of messages) {
      gathered.push(message)
      urgent ||= gather?.patient(message.subject) !== true
      wake?.()
      // Reading ahead stops at one further batch: the rest waits in the stream.
      while (gathered.length >= batchMax && !ended) await new Promise((resolve) => { setTimeout(resolve, 1) })
    }
  })().finally(() => {
    ended = true
    wake?.()
  })
  const moreGathered = (ms: number): Promise<void> => new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    wake = () => {
      if (!hurry()) return
      clearTimeout(timer)
      resolve()
    }
  })
  while (!ended || gathered.length > 0) {
    if (gathered.length === 0) {
      await new Promise<void>((resolve) => { wake = resolve })
      wake = undefined
      continue
    }
    if (gather !== undefined && !hurry()) {
      await moreGathered(gather.ms)
      wake = undefined
    }
    const batch = gathered
    gathered = []
    urgent = false
    await handle(batch)
  }
  await reading
}
