import { sql, type Kysely } from 'kysely'
import type { Tables } from './tables.js'

/** Epoch milliseconds, the same for every replica. */
export type Clock = (db: Kysely<Tables>) => Promise<number>

/** The database's clock: replicas whose own clocks differ still agree on what is overdue. Not the transaction's start: it may have waited for a lock. */
export const databaseClock: Clock = async (db) => {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db)
  return rows[0]!.now.getTime()
}
