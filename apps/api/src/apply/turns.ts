import { RpcError } from '@sallyport/contracts/rpc'
import type { Database } from '@sallyport/persistence'
import { sql } from 'kysely'
import type { Tables } from '../tables.js'

/** Runs one change of the configuration after the other, over all replicas. */
export interface Turns {
  /** Throws RpcError `conflict` when others take too long. */
  take<T>(work: () => Promise<T>): Promise<T>
}

/** Name of the advisory lock. */
const LOCK = 'sallyport-configuration'
const LOCK_TIMEOUT_MS = 10_000
const LOCK_NOT_AVAILABLE = '55P03'

/** One connection is held while a change runs: within a process they queue first, so that they can't use up the pool. */
export const makeTurns = (database: Pick<Database<Tables>, 'kysely'>, lockTimeoutMs = LOCK_TIMEOUT_MS): Turns => {
  let last: Promise<unknown> = Promise.resolve()
  const alone = <T>(work: () => Promise<T>): Promise<T> => database.kysely.transaction().execute(async (transaction) => {
    try {
      await sql`select set_config('lock_timeout', ${`${lockTimeoutMs}ms`}, true)`.execute(transaction)
      await sql`select pg_advisory_xact_lock(hashtext(${LOCK}))`.execute(transaction)
    } catch (cause) {
      if ((cause as { code?: string }).code === LOCK_NOT_AVAILABLE) throw new RpcError('conflict', 'another change of the configuration is under way: try again', undefined, { cause })
      throw new RpcError('unavailable', 'the configuration can\'t be changed now', undefined, { cause })
    }
    return work()
  })
  return {
    take: <T>(work: () => Promise<T>): Promise<T> => {
      const mine = last.then(() => alone(work))
      last = mine.catch(() => undefined) // told to whoever asked for it
      return mine
    },
  }
}
