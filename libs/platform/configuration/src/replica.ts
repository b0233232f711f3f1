import { heartbeatSchema, HEARTBEAT_AGE_MAX_MS, HEARTBEAT_INTERVAL_MS } from '@sallyport/contracts/policy'
import { RpcError } from '@sallyport/contracts/rpc'
import type { Bus, BusLogger, Stop } from '@sallyport/messaging'
import type { Database, StoredEvent } from '@sallyport/persistence'
import type { Kysely } from 'kysely'
import type { z } from 'zod'
import { documentsOf, fold, type ConfigurationDocument, type State } from './document.js'
import type { ConfigurationTables } from './tables.js'
import type { AggregateTables } from '@sallyport/persistence'

/** One revision of the set, with what the service made of it. */
export interface Snapshot<D extends ConfigurationDocument, C> {
  readonly revision: number
  readonly documents: readonly D[]
  readonly compiled: C
}

export interface ReplicaOptions<D extends ConfigurationDocument, C> {
  readonly aggregate: string
  readonly schema: z.ZodType<D>
  readonly database: Database<any> // eslint-disable-line @typescript-eslint/no-explicit-any -- Kysely is invariant in its schema type
  readonly bus: Bus
  readonly logger: BusLogger
  readonly instance: string
  /** Subject on which this replica says which revision it has verified. */
  readonly heartbeat: string
  /** Makes of a revision what the service decides with. While it throws, this replica stays silent. */
  readonly load: (set: { readonly revision: number; readonly documents: readonly D[] }) => C | Promise<C>
}

export interface Replica<D extends ConfigurationDocument, C> {
  start(): Promise<void>
  /** Throws RpcError `unavailable` unless the snapshot was verified against the database within the last second. */
  current(): Snapshot<D, C>
  /** The same after a look at the database where the last one is too long ago: a process that was busy for a second has not lost anything. */
  fresh(): Promise<Snapshot<D, C>>
  verified(): boolean
  /** Loads what was committed before the call and says so on the bus. Rejects when the database can't be asked. */
  refresh(): Promise<void>
  stop: Stop
}

type Tables = Kysely<AggregateTables & ConfigurationTables>

/** A verification that took longer says too little about now, so no heartbeat is built on it. */
const VERIFY_TIMEOUT_MS = 500
const LOAD_TIMEOUT_MS = 10_000

/** The revision as committed now, under a deadline of its own. */
const readRevision = async (options: ReplicaOptions<never, unknown>): Promise<number> => {
  const query = { text: 'select revision from configuration_revisions where aggregate = $1', values: [options.aggregate], query_timeout: VERIFY_TIMEOUT_MS }
  const { rows } = await options.database.pool.query<{ revision: number }>(query)
  if (rows[0] === undefined) throw new Error(`${options.aggregate}: the set has no revision`)
  return rows[0].revision
}

/** The last event of each name says all: a put carries the whole document. */
export const readState = async <D extends ConfigurationDocument>(db: Tables, aggregate: string, schema: z.ZodType<D>): Promise<State<D>> => {
  const rows = await db.selectFrom('aggregate_events').distinctOn('id')
    .select(['event_id', 'aggregate', 'id', 'version', 'type', 'data', 'actor', 'at'])
    .where('aggregate', '=', aggregate).orderBy('id').orderBy('version', 'desc').execute()
  return fold(aggregate, schema, rows.map((row): StoredEvent => ({ eventId: row.event_id, ...row })))
}

const within = async <T>(work: Promise<T>, ms: number, what: string): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => { timer = setTimeout(() => reject(new Error(`${what}: no answer within ${ms} ms`)), ms) })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Revision and documents of one moment. */
const readSet = async <D extends ConfigurationDocument>(options: ReplicaOptions<D, unknown>): Promise<{ revision: number; documents: D[] }> =>
  (options.database.kysely as Tables).transaction().setIsolationLevel('repeatable read').execute(async (transaction) => {
    const { revision } = await transaction.selectFrom('configuration_revisions').select('revision').where('aggregate', '=', options.aggregate).executeTakeFirstOrThrow()
    return { revision, documents: documentsOf(await readState(transaction, options.aggregate, options.schema)) }
  })

const known = <T>(aggregate: string, snapshot: T | undefined): T => {
  if (snapshot === undefined) throw new RpcError('unavailable', `${aggregate}: the configuration can't be verified against the database now`)
  return snapshot
}

/**
 * Keeps one replica's copy of the set true. Before each heartbeat the revision is read from the database, and no heartbeat goes out
 * that isn't built on such a reading: a replica that lost its database falls silent, and with it what was cached under its word.
 */
export const createReplica = <D extends ConfigurationDocument, C>(options: ReplicaOptions<D, C>): Replica<D, C> => {
  const { aggregate, bus, logger } = options
  let snapshot: Snapshot<D, C> | undefined
  let verifiedAt = -Infinity
  let tail: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  let failing = false
  let hinted = false
  let unsubscribe: Stop = () => undefined

  const run = async (): Promise<void> => {
    let began = performance.now()
    const revision = await readRevision(options as unknown as ReplicaOptions<never, unknown>)
    if (revision !== snapshot?.revision) {
      began = performance.now()
      const set = await within(readSet(options), LOAD_TIMEOUT_MS, `${aggregate}: loading the set`)
      snapshot = { ...set, compiled: await options.load(set) }
    }
    verifiedAt = began
    if (!stopped && performance.now() - began <= VERIFY_TIMEOUT_MS) bus.publish(options.heartbeat, { revision: snapshot.revision, source: options.instance })
    if (failing) logger.warn({ aggregate, revision: snapshot.revision }, 'configuration: verified again')
    failing = false
  }
  const refresh = (): Promise<void> => {
    // In line behind one under way: that one may have read before the caller's commit.
    const next = tail.then(run)
    tail = next.catch((error: unknown) => {
      if (!failing && !stopped) logger.error({ aggregate, error: String(error) }, 'configuration: the set can\'t be verified, this replica says nothing until it can')
      failing = true
    })
    return next
  }
  const tick = async (): Promise<void> => {
    await refresh().catch(() => undefined) // logged above; the silence is the consequence
    if (!stopped) timer = setTimeout(() => void tick(), HEARTBEAT_INTERVAL_MS)
  }
  const verified = (): boolean => snapshot !== undefined && performance.now() - verifiedAt <= HEARTBEAT_AGE_MAX_MS

  const current = (): Snapshot<D, C> => known(aggregate, verified() ? snapshot : undefined)

  return {
    start: async () => {
      await (options.database.kysely as Tables).insertInto('configuration_revisions').values({ aggregate, revision: 1 }).onConflict((conflict) => conflict.doNothing()).execute()
      await refresh()
      // Another replica's heartbeat with a newer revision: don't wait for the next turn.
      unsubscribe = bus.subscribe(options.heartbeat, (payload) => {
        const heard = heartbeatSchema.safeParse(payload)
        if (stopped || hinted || !heard.success || heard.data.revision <= (snapshot?.revision ?? 0)) return
        hinted = true
        void refresh().catch(() => undefined).then(() => { hinted = false })
      })
      timer = setTimeout(() => void tick(), HEARTBEAT_INTERVAL_MS)
    },
    current,
    fresh: async () => {
      // A failed look was logged; what it means is said by `current`.
      if (!verified()) await refresh().catch(() => undefined)
      return current()
    },
    verified,
    refresh,
    stop: async () => {
      stopped = true
      clearTimeout(timer)
      await unsubscribe()
      await tail
    },
  }
}
