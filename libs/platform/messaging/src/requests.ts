import { NoRespondersError, RequestError, TimeoutError, type NatsConnection, type Subscription } from '@nats-io/transport-node'
import { INBOXES } from '@sallyport/contracts/permissions'
import { RpcError, rpcErrorSchema, type Rpc } from '@sallyport/contracts/rpc'
import { z } from 'zod'
import type { Bus, BusLogger } from './bus.js'

const CALL_TIMEOUT_MS = 5_000
const replySchema = z.union([z.object({ ok: z.unknown() }), z.object({ error: rpcErrorSchema })])

/** What requests need of the bus that carries them. */
export interface RequestCarrier {
  readonly connection: NatsConnection
  readonly logger: BusLogger
  /** Default queue group: the service's name. */
  readonly name: string
  readonly connected: () => boolean
}

export const createCall = ({ connection, connected }: RequestCarrier): Bus['call'] => async (contract, request, options = {}) => {
  if (!connected()) throw unavailable(contract.subject, undefined)
  options.signal?.throwIfAborted()
  let data: Uint8Array
  try {
    data = (await connection.request(contract.subject, JSON.stringify(request), { timeout: options.timeoutMs ?? CALL_TIMEOUT_MS })).data
  } catch (cause) {
    throw unavailable(contract.subject, cause)
  }
  options.signal?.throwIfAborted()
  return decodeReply(contract, data) as never
}

const decodeReply = (contract: Rpc, data: Uint8Array): unknown => {
  const reply = replySchema.safeParse(parseJson(contract.subject, data))
  if (!reply.success) throw new RpcError('internal', `${contract.subject}: the answer has no known form`)
  if ('error' in reply.data) throw new RpcError(reply.data.error.code, reply.data.error.message, reply.data.error.details)
  const parsed = contract.response.safeParse(reply.data.ok)
  if (!parsed.success) throw new RpcError('internal', `${contract.subject}: the answer does not fit its contract`, undefined, { cause: parsed.error })
  return parsed.data
}

const parseJson = (subject: string, data: Uint8Array): unknown => {
  try {
    return JSON.parse(Buffer.from(data).toString('utf8'))
  } catch (cause) {
    throw new RpcError('internal', `${subject}: the answer is not JSON`, undefined, { cause })
  }
}

export const createServe = ({ connection, logger, name }: RequestCarrier): Bus['serve'] => (contract, handler, options = {}) => {
  const queue = options.queue === undefined ? name : options.queue
  const subscription = connection.subscribe(contract.subject, {
    ...(queue === null ? {} : { queue }),
    callback: (error, message) => {
      if (error !== null) return logger.error({ subject: contract.subject, error: error.message }, 'bus: a subscription failed')
      // The server lets us answer on whatever subject the request names: an inbox, and not a subject on which our word would count.
      if (message.reply?.startsWith(INBOXES) !== true) return logger.error({ subject: contract.subject }, 'bus: a request without an inbox for its answer was dropped')
      void (async () => {
        try {
          const ok = await handler(decodeRequest(contract, message.data) as never, message.subject)
          message.respond(JSON.stringify({ ok }))
        } catch (thrown) {
          message.respond(JSON.stringify({ error: refusalOf(contract.subject, thrown, logger) }))
        }
      })().catch((thrown: unknown) => logger.error({ subject: contract.subject, error: String(thrown) }, 'bus: an answer could not be sent'))
    },
  })
  return () => stopSubscription(subscription)
}

const decodeRequest = (contract: Rpc, data: Uint8Array): unknown => {
  try {
    return contract.request.parse(JSON.parse(Buffer.from(data).toString('utf8')))
  } catch (cause) {
    const message = cause instanceof z.ZodError ? z.prettifyError(cause) : 'not JSON'
    throw new RpcError('invalid', `${contract.subject}: ${message}`, undefined, { cause })
  }
}

const unavailable = (subject: string, cause: unknown): RpcError => {
  const why = cause instanceof NoRespondersError || (cause instanceof RequestError && cause.isNoResponders())
    ? 'nobody serves it now'
    : cause instanceof TimeoutError ? 'no answer in time' : 'the bus can\'t be reached'
  return new RpcError('unavailable', `${subject}: ${why}`, undefined, { cause })
}

const refusalOf = (subject: string, thrown: unknown, logger: BusLogger): z.infer<typeof rpcErrorSchema> => {
  if (thrown instanceof RpcError) return { code: thrown.code, message: thrown.message, ...(thrown.details === undefined ? {} : { details: thrown.details }) }
  logger.error({ subject, error: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) }, 'bus: a request failed')
  return { code: 'internal', message: `${subject}: an internal error; the service's log says more` }
}

/** Stops taking messages, and lets those that have arrived finish. */
export const stopSubscription = async (subscription: Subscription): Promise<void> => {
  if (!subscription.isClosed()) await subscription.drain().catch(() => subscription.unsubscribe())
}
