import type { Rpc } from '@sallyport/contracts/rpc'
import type { z } from 'zod'
import type { Bus, Stop } from './bus.js'

type Handle<R extends Rpc> = (request: z.output<R['request']>, subject: string) => z.input<R['response']> | Promise<z.input<R['response']>>

/** The contracts that one service serves, any replica any request. */
export interface Serving {
  serve<R extends Rpc>(contract: R, handle: Handle<R>): void
  /** Takes no further request; those that it took go on. */
  leave(): Promise<void>
  /** Takes no further request, and resolves when those that it took are answered. */
  stop(): Promise<void>
}

export const startServing = (bus: Bus): Serving => {
  const stops: Stop[] = []
  const running = new Set<Promise<unknown>>()
  const leave = async (): Promise<void> => {
    await Promise.all(stops.splice(0).map((stop) => stop()))
  }
  return {
    serve: (contract, handle) => {
      stops.push(bus.serve(contract, (request, subject) => {
        const answer = (async () => handle(request, subject))()
        running.add(answer)
        const forget = (): void => void running.delete(answer)
        answer.then(forget, forget)
        return answer
      }))
    },
    leave,
    stop: async () => {
      await leave()
      await Promise.allSettled(running)
    },
  }
}
