import { connect, type NatsConnection } from '@nats-io/transport-node'
import { inboxOf } from '@sallyport/contracts/permissions'
import { RpcError, type Rpc } from '@sallyport/contracts/rpc'
import type { z } from 'zod'
import { createAppender } from './append.js'
import { consumeStream, type ConsumeOptions } from './consume.js'
import { ensureEventStream, streamState, type EventStreamOptions, type StreamState } from './event-stream.js'
import { createCall, createServe, stopSubscription, type RequestCarrier } from './requests.js'

/** Ends what it was returned by. Idempotent. */
export type Stop = () => void | Promise<void>

/** The part of a pino logger that the bus needs. */
export interface BusLogger {
  error(fields: object, message: string): void
  warn(fields: object, message: string): void
}

export interface BusOptions {
  /** `nats://host:port`, several separated by commas. */
  readonly servers: string
  readonly user?: string
  readonly password?: string
  /** Service name. Replies come to inboxes below `_INBOX_<user>` (or `_INBOX_<name>`), which the server lets nobody else subscribe to. */
  readonly name: string
  readonly instance: string
  readonly logger?: BusLogger
  /** How long to wait for the first connection, in milliseconds. */
  readonly connectTimeoutMs?: number
}

export interface CallOptions {
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

const APPEND_TIMEOUT_MS = 5_000
const RECONNECT_WAIT_MS = 200
const CONNECT_MS = 5_000
const PROGRESS_MS = 3_000
const silent: BusLogger = { error: () => undefined, warn: () => undefined }

/** One connection to NATS: request/reply contracts, plain messages, and the event stream. */
export interface Bus {
  /** Asks the contract's owner. Throws RpcError: what the owner answered, or `unavailable` when it could not be asked in time. */
  call<R extends Rpc>(contract: R, request: z.input<R['request']>, options?: CallOptions): Promise<z.output<R['response']>>
  /** Serves a contract. `queue` null: every instance gets every request; default: one instance of the service. `subject`: where it was asked, which the server checked. */
  serve<R extends Rpc>(contract: R, handler: (request: z.output<R['request']>, subject: string) => z.input<R['response']> | Promise<z.input<R['response']>>, options?: { queue?: string | null }): Stop
  /** Core NATS, at most once, dropped while disconnected: for notices and heartbeats only. */
  publish(subject: string, payload: unknown): void
  subscribe(subject: string, handler: (payload: unknown, subject: string) => void | Promise<void>, options?: { queue?: string }): Stop
  /** Publishes to JetStream; answers the stream sequence. Rejects with RpcError `unavailable` when the outcome is unknown. */
  append(subject: string, body: Uint8Array | string, options?: { timeoutMs?: number }): Promise<number>
  /** Publishes to JetStream without asking whether it has it: for what somebody else confirms. Throws RpcError `unavailable` while disconnected. */
  send(subject: string, body: Uint8Array | string): void
  consume(options: ConsumeOptions): Stop
  ensureEventStream(options?: EventStreamOptions): Promise<StreamState>
  streamState(stream: string): Promise<StreamState>
  readonly connected: boolean
  /** Id of the server to which it is connected, or was last. */
  readonly serverId: string | undefined
  onStatus(listener: (connected: boolean) => void): Stop
  flush(): Promise<void>
  close(): Promise<void>
}

/** Connects, and keeps reconnecting for ever once connected. Throws when the first connection does not come in time. */
export const connectBus = async (options: BusOptions): Promise<Bus> => {
  const logger = options.logger ?? silent
  const inboxPrefix = inboxOf(options.user ?? options.name)
  const connection = await firstConnection(options, inboxPrefix)
  const listeners = new Set<(connected: boolean) => void>()
  let connected = true
  const setConnected = (value: boolean): void => {
    if (connected === value) return
    connected = value
    for (const listener of listeners) listener(value)
  }
  void followStatus(connection, logger, setConnected)
  const appender = createAppender(connection, `${inboxPrefix}.ack.${options.instance.replaceAll(/[^A-Za-z0-9_-]/g, '-')}`)
  listeners.add((value) => { if (!value) appender.failAll('the bus was disconnected') })

  const onStatus: Bus['onStatus'] = (listener) => {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }
  const carrier: RequestCarrier = { connection, logger, name: options.name, connected: () => connected }

  const subscribe: Bus['subscribe'] = (subject, handler, subscribeOptions = {}) => {
    const subscription = connection.subscribe(subject, {
      ...subscribeOptions,
      callback: (error, message) => {
        if (error !== null) return logger.error({ subject, error: error.message }, 'bus: a subscription failed')
        void (async () => handler(JSON.parse(Buffer.from(message.data).toString('utf8')), message.subject))().catch((thrown: unknown) => logger.error({ subject, error: String(thrown) }, 'bus: a message was not understood'))
      },
    })
    return () => stopSubscription(subscription)
  }

  return {
    call: createCall(carrier),
    serve: createServe(carrier),
    subscribe,
    publish: (subject, payload) => {
      if (!connected) return
      try {
        connection.publish(subject, JSON.stringify(payload))
      } catch (error) {
        // At most once, and mostly from timers: what can't be sent is lost like what the network loses, and must not end the process.
        logger.error({ subject, error: String(error) }, 'bus: a notice could not be sent')
      }
    },
    // While disconnected the client would keep each attempt until it is connected again: a long outage, tried again and again, would fill the memory.
    append: async (subject, body, appendOptions) => {
      if (!connected) throw new RpcError('unavailable', 'the bus is disconnected')
      return appender.append(subject, body, appendOptions?.timeoutMs ?? APPEND_TIMEOUT_MS)
    },
    send: (subject, body) => {
      if (!connected) throw new RpcError('unavailable', 'the bus is disconnected')
      connection.publish(subject, body)
    },
    consume: (consumeOptions) => consumeStream({ connection, logger, onStatus }, consumeOptions),
    ensureEventStream: (streamOptions) => ensureEventStream(connection, streamOptions ?? {}),
    streamState: (stream) => streamState(connection, stream),
    get connected() { return connected },
    get serverId() { return connection.info?.server_id },
    onStatus,
    flush: () => connection.flush(),
    close: async () => {
      appender.failAll('the bus was closed')
      if (connection.isClosed()) return
      if (connected) await connection.drain()
      else await connection.close()
    },
  }
}

const followStatus = async (connection: NatsConnection, logger: BusLogger, setConnected: (value: boolean) => void): Promise<void> => {
  for await (const status of connection.status()) {
    if (status.type === 'disconnect' || status.type === 'staleConnection' || status.type === 'close') setConnected(false)
    else if (status.type === 'reconnect') setConnected(true)
    else if (status.type === 'error') logger.error({ error: String(status.error) }, 'bus: the server refused something')
  }
}

const withoutLogin = (servers: string): string => servers.replaceAll(/\/\/[^@,/]*@/g, '//')

/** Tries until the deadline, with a line now and then: whoever starts a service should see what it waits for. */
const firstConnection = async (options: BusOptions, inboxPrefix: string): Promise<NatsConnection> => {
  const timeoutMs = options.connectTimeoutMs ?? 20_000
  const deadline = performance.now() + timeoutMs
  let told = performance.now()
  for (;;) {
    try {
      return await connect({
        servers: options.servers.split(','),
        ...(options.user === undefined ? {} : { user: options.user, pass: options.password ?? '' }),
        name: `${options.name}/${options.instance}`,
        inboxPrefix,
        maxReconnectAttempts: -1,
        reconnectTimeWait: RECONNECT_WAIT_MS,
        reconnectJitter: 50,
        ignoreAuthErrorAbort: true,
        pingInterval: 2_000,
        maxPingOut: 2,
        timeout: Math.max(RECONNECT_WAIT_MS, Math.min(CONNECT_MS, deadline - performance.now())),
      })
    } catch (cause) {
      const now = performance.now()
      if (now + RECONNECT_WAIT_MS > deadline) throw new Error(`can't reach NATS at ${withoutLogin(options.servers)} as ${options.user ?? 'nobody'}: ${String(cause)}`, { cause })
      if (now - told >= PROGRESS_MS) {
        told = now
        options.logger?.warn({ servers: withoutLogin(options.servers), user: options.user, secondsLeft: Math.ceil((deadline - now) / 1000), error: String(cause) }, 'waiting for NATS')
      }
      await new Promise((resolve) => { setTimeout(resolve, RECONNECT_WAIT_MS) })
    }
  }
}
