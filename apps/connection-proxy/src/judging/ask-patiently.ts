import { RpcError, type Rpc } from '@sallyport/contracts/rpc'
import type { Bus } from '@sallyport/messaging'
import type { z } from 'zod'

const RETRY_MS = 100

/**
 * Asks again until the deadline while the service says that it can't answer now: a replica that has just lost sight of its database for
 * a moment is no reason to refuse a command that may wait. A bus that is gone is: nothing is waited for then. Throws RpcError.
 */
export const askPatiently = async <R extends Rpc>(bus: Bus, contract: R, request: z.input<R['request']>, deadlineMs: number): Promise<z.output<R['response']>> => {
  const deadline = performance.now() + deadlineMs
  for (;;) {
    try {
      return await bus.call(contract, request, { timeoutMs: Math.max(1, deadline - performance.now()) })
    } catch (error) {
      const patient = error instanceof RpcError && error.code === 'unavailable' && bus.connected && performance.now() + RETRY_MS < deadline
      if (!patient) throw error
      await new Promise((resolve) => { setTimeout(resolve, RETRY_MS) })
    }
  }
}
