import { CompiledQuery, Kysely, PostgresDialect, sql } from 'kysely'
import { Migrator, type Migration } from 'kysely/migration'
import pg from 'pg'

export interface DatabaseOptions {
  readonly url: string
  /** Log-in of the running service when it is not the owner that migrates; default: `url`. */
  readonly runtimeUrl?: string
  /** The service's own schema; nobody else writes it. */
  readonly schema: string
  /** Names sort in the order in which they run. */
  readonly migrations: Readonly<Record<string, Migration>>
  readonly poolSize?: number
  /** How long to wait for the server at start, in milliseconds. */
  readonly connectTimeoutMs?: number
  /** SQL run on every new connection, e.g. `set role …`. */
  readonly onConnect?: string
  readonly onError?: (error: Error) => void
}

export interface Database<DB> {
  readonly kysely: Kysely<DB>
  readonly pool: pg.Pool
  close(): Promise<void>
  healthy(): Promise<boolean>
}

const SCHEMA_FORM = /^[a-z][a-z0-9_]*$/
const RETRY_MS = 200
const STATEMENT_TIMEOUT_MS = 15_000

/** bigint columns hold counters far below 2^53: read them as numbers. */
const types = {
  getTypeParser: (oid: number, format?: string) =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format as 'text'),
} as pg.CustomTypesConfig

const poolFor = (options: DatabaseOptions, max: number, onConnect: string): pg.Pool => {
  const pool = new pg.Pool({
    connectionString: options.url,
    max,
    types,
    options: `-c search_path=${options.schema}`,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
    ...(onConnect === '' ? {} : { onConnect: async (client: pg.ClientBase) => { await client.query(onConnect) } }),
  } as pg.PoolConfig)
  // An idle connection that breaks is dropped from the pool; the next query opens another one or fails by itself.
  pool.on('error', (error) => options.onError?.(error))
  // One that breaks while it is taken but runs nothing has no listener of the pool's, and an error event nobody hears ends the process.
  pool.on('connect', (client) => client.on('error', (error) => options.onError?.(error)))
  return pool
}

/**
 * Opens a service's database: waits for the server up to a deadline, creates the schema, and runs its migrations under the
 * migrator's own lock. Throws when the server does not come or a migration fails.
 */
export const openDatabase = async <DB>(options: DatabaseOptions): Promise<Database<DB>> => {
  if (!SCHEMA_FORM.test(options.schema)) throw new Error(`"${options.schema}" is not a schema name: lower-case letters, digits and "_"`)
  await migrate(options)
  const pool = poolFor({ ...options, url: options.runtimeUrl ?? options.url }, options.poolSize ?? 8, options.onConnect ?? '')
  const kysely = new Kysely<DB>({ dialect: new PostgresDialect({ pool }) })
  return {
    kysely,
    pool,
    close: async () => {
      await kysely.destroy()
      // Kysely ends the pool only when a query went through it.
      if (!pool.ending) await pool.end()
    },
    healthy: async () => {
      try {
        await kysely.executeQuery(CompiledQuery.raw('select 1'))
        return true
      } catch {
        return false
      }
    },
  }
}

const migrate = async (options: DatabaseOptions): Promise<void> => {
  const pool = poolFor(options, 2, '')
  const kysely = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  try {
    await serverUp(pool, options)
    // Two instances that start together would both try to create the schema: a lock makes the second one wait.
    await kysely.connection().execute(async (connection) => {
      await sql`select pg_advisory_lock(hashtext(${`sallyport-schema-${options.schema}`}))`.execute(connection)
      try {
        const exists = await sql`select 1 from pg_namespace where nspname = ${options.schema}`.execute(connection)
        if (exists.rows.length === 0) await sql`create schema ${sql.id(options.schema)}`.execute(connection)
      } finally {
        await sql`select pg_advisory_unlock(hashtext(${`sallyport-schema-${options.schema}`}))`.execute(connection)
      }
    })
    const migrator = new Migrator({ db: kysely, provider: { getMigrations: async () => options.migrations }, migrationTableSchema: options.schema })
    const { error } = await migrator.migrateToLatest()
    if (error !== undefined) throw new Error(`the database schema ${options.schema} could not be migrated: ${String(error)}`, { cause: error })
  } finally {
    await kysely.destroy()
  }
}

const serverUp = async (pool: pg.Pool, options: DatabaseOptions): Promise<void> => {
  const deadline = performance.now() + (options.connectTimeoutMs ?? 20_000)
  for (;;) {
    try {
      await pool.query('select 1')
      return
    } catch (cause) {
      if (performance.now() > deadline) throw new Error(`can't reach PostgreSQL for schema ${options.schema}: ${String(cause)}`, { cause })
      await new Promise((resolve) => { setTimeout(resolve, RETRY_MS) })
    }
  }
}
