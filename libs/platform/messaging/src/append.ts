import { randomBytes } from 'node:crypto'
import type { Msg, NatsConnection } from '@nats-io/transport-node'
import { RpcError } from '@sallyport/contracts/rpc'

interface Waiter {
  readonly resolve: (sequence: number) => void
  readonly reject: (error: RpcError) => void
  readonly deadline: number
}

const SWEEP_INTERVAL_MS = 250

/**
 * Publishes to JetStream with one acknowledgement inbox for all messages and a map of waiters: nothing waits in line
 * behind another message, and no request multiplexer is made for each (measured at under half the throughput).
 */
export const createAppender = (connection: NatsConnection, inbox: string) => {
  const waiters = new Map<string, Waiter>()
  // Whoever may publish to the stream may have the server acknowledge to any subject: nobody must be able to guess ours.
  const salt = randomBytes(16).toString('hex')
  let next = 0
  let sweeper: NodeJS.Timeout | undefined
  const base = `${inbox}-${salt}`

  const settle = (message: Msg): void => {
    const waiter = waiters.get(message.subject)
    if (waiter === undefined) return
    waiters.delete(message.subject)
    if (message.data.length === 0) return waiter.reject(new RpcError('unavailable', 'the event stream does not exist or nobody serves it'))
    const reply = JSON.parse(Buffer.from(message.data).toString('utf8')) as { seq?: number; error?: { description?: string } }
    if (reply.error !== undefined || reply.seq === undefined) return waiter.reject(new RpcError('unavailable', `the event stream refused the message: ${reply.error?.description ?? 'no reason given'}`))
    waiter.resolve(reply.seq)
  }

  connection.subscribe(`${base}.*`, { callback: (error, message) => { if (error === null) settle(message) } })

  const sweep = (): void => {
    const now = performance.now()
    for (const [key, waiter] of waiters) {
      if (waiter.deadline > now) continue
      waiters.delete(key)
      waiter.reject(new RpcError('unavailable', 'the event stream did not acknowledge in time'))
    }
    if (waiters.size > 0) return
    clearInterval(sweeper)
    sweeper = undefined
  }

  return {
    append: (subject: string, body: Uint8Array | string, timeoutMs: number): Promise<number> =>
      new Promise((resolve, reject) => {
        next += 1
        const reply = `${base}.${next}`
        waiters.set(reply, { resolve, reject, deadline: performance.now() + timeoutMs })
        sweeper ??= setInterval(sweep, SWEEP_INTERVAL_MS).unref()
        try {
          connection.publish(subject, body, { reply })
        } catch (cause) {
          waiters.delete(reply)
          reject(new RpcError('unavailable', 'the bus can\'t be reached', undefined, { cause }))
        }
      }),
    /** Every waiting message has an unknown outcome now. */
    failAll: (reason: string): void => {
      for (const waiter of waiters.values()) waiter.reject(new RpcError('unavailable', reason))
      waiters.clear()
    },
  }
}
