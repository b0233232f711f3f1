import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager, type ConsumerMessages, type JsMsg } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { BusLogger, Stop } from './bus.js'
import { streamState, type StreamState } from './event-stream.js'

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
   * sequence after which to begin. What is still on the stream up to that position is acknowledged and not handed over.
   */
  readonly startAfter?: (stream: StreamState) => Promise<number>
  /** Messages whose outcome nobody waits for: while only such ones are there, they are handed over after so many milliseconds, or when there are many. */
  readonly gather?: { readonly patient: (subject: string) => boolean; readonly ms: number }
}

const RETRY_MS = 500
/** A question that a server took with it when it went is asked again after this: everybody who waits for the store waits for it. */
const API_TIMEOUT_MS = 1_500
const ACK_WAIT_NS = 60_000_000_000
/** So many messages are worth a batch at once. */
const GATHERED_ENOUGH = 64

export interface StreamCarrier {
  readonly connection: NatsConnection
  readonly logger: BusLogger
  onStatus(listener: (connected: boolean) => void): Stop
}

/**
 * A pull consumer with one active reader: the messages that nobody has acknowledged, in order. Comes back by itself after a lost connection
 * or consumer, and then begins again with what is still on the stream.
 */
export const consumeStream = ({ connection, onStatus, logger }: StreamCarrier, options: ConsumeOptions): Stop => {
  let stopped = false
  let messages: ConsumerMessages | undefined
  let running: Promise<void> = Promise.resolve()

  const open = async (): Promise<Opened> => {
    const manager = await jetstreamManager(connection, { checkAPI: false, timeout: API_TIMEOUT_MS })
    const state = await streamState(connection, options.stream)
    const startAfter = await options.startAfter?.(state)
    // Made anew, so that nothing waits for an acknowledgement time-out and messages come in the order of the stream.
    await manager.consumers.delete(options.stream, options.durable).catch(ignoreNotFound)
    await manager.consumers.add(options.stream, {
      durable_name: options.durable,
      ack_policy: AckPolicy.Explicit,
      // A stream that drops what is acknowledged is always read from its beginning: nothing else is there.
      ...(state.keepsStored && startAfter !== undefined && startAfter > 0
        ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: startAfter + 1 }
        : { deliver_policy: DeliverPolicy.All }),
      ack_wait: ACK_WAIT_NS,
      max_ack_pending: options.batch * 4,
    })
    const consumer = await jetstream(connection, { checkAPI: false, timeout: API_TIMEOUT_MS }).consumers.get(options.stream, options.durable)
    return { messages: await consumer.consume({ max_messages: options.batch * 2, idle_heartbeat: 2_000, expires: 10_000, abort_on_missing_resource: true }), startAfter: startAfter ?? 0 }
  }

  const handle = async (batch: readonly JsMsg[]): Promise<void> => {
    const plain = batch.map((message) => ({ subject: message.subject, data: message.data, sequence: message.seq }))
    while (!stopped) {
      try {
        await options.handler(plain)
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
        const opened = await open()
        messages = opened.messages
        await drainInBatches(opened, options, handle, logger)
      } catch (error) {
        if (stopped) return
        logger.warn({ durable: options.durable, error: String(error) }, 'bus: the consumer ended, it is opened again')
      }
      if (!stopped) await new Promise((resolve) => { setTimeout(resolve, RETRY_MS) })
    }
  }
  running = loop()
  // What was on its way to a connection that broke never comes: it is asked for anew, and not when its acknowledgement is overdue.
  const forgetStatus = onStatus((connected) => { if (connected) void messages?.close().catch(() => undefined) })

  return async () => {
    stopped = true
    void forgetStatus()
    await messages?.close().catch(() => undefined)
    await running
  }
}

const ignoreNotFound = (error: unknown): void => {
  if (!/not found/i.test(String(error))) throw error
}

interface Opened {
  readonly messages: ConsumerMessages
  readonly startAfter: number
}

/**
 * The messages in the order of the stream, each once: what comes again (an acknowledgement was late, or lost) is dropped, and acknowledged
 * again when it was handled. Ends when one is missing that the server has sent: a reader that went on would take it for handled.
 */
const inOrder = ({ messages, startAfter }: Opened, { durable }: ConsumeOptions, logger: BusLogger) => {
  let delivered: number | undefined
  let received = startAfter
  const track = { handledThrough: startAfter }
  const read = async (take: (message: JsMsg) => Promise<void>): Promise<void> => {
    for await (const message of messages) {
      const { deliverySequence } = message.info
      if (delivered !== undefined && deliverySequence !== delivered + 1) {
        logger.warn({ durable, after: delivered, came: deliverySequence }, 'bus: messages were lost on their way, the consumer is opened again')
        break
      }
      delivered = deliverySequence
      if (message.seq > received) {
        received = message.seq
        await take(message)
      } else if (message.seq <= track.handledThrough) message.ack()
    }
    await messages.close()
  }
  return { track, read }
}

/** Hands over what gathered while the last batch was handled: group commit. */
const drainInBatches = async (opened: Opened, options: ConsumeOptions, handle: (batch: readonly JsMsg[]) => Promise<void>, logger: BusLogger): Promise<void> => {
  const { batch: batchMax, gather } = options
  const { track, read } = inOrder(opened, options, logger)
  let gathered: JsMsg[] = []
  let urgent = false
  let ended = false
  let wake: (() => void) | undefined
  const hurry = (): boolean => urgent || ended || gathered.length >= Math.min(GATHERED_ENOUGH, batchMax)
  const reading = read(async (message) => {
    gathered.push(message)
    urgent ||= gather?.patient(message.subject) !== true
    wake?.()
    // Reading ahead stops at one further batch: the rest waits in the stream.
    while (gathered.length >= batchMax && !ended) await new Promise((resolve) => { setTimeout(resolve, 1) })
  }).finally(() => {
    ended = true
    wake?.()
  })
  // It is awaited at the end; until then what it ended with must not count as unhandled.
  reading.catch(() => undefined)
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
    track.handledThrough = batch.at(-1)?.seq ?? track.handledThrough
  }
  await reading
}
