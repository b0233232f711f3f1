import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common'
import type { Bus, Stop } from '@sallyport/messaging'
import { openDatabase, type Database } from '@sallyport/persistence'
import { BUS, LOGGER, METRICS, READINESS, type Readiness } from '@sallyport/runtime'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import { startActiveStore } from './active-store.js'
import type { AuditStoreConfig } from './config.js'
import { startLease } from './ledger/lease.js'
import { createMetrics } from './metrics.js'
import { serveQueries } from './queries/serve.js'
import { migrations, writerRole } from './schema/migrations.js'
import type { AuditTables } from './schema/tables.js'
import { watchStream } from './supervision/watch-stream.js'

export const SETTINGS = Symbol('AuditStoreSettings')

export interface AuditStoreSettings {
  readonly config: AuditStoreConfig
  readonly instance: string
}

/** Opens the log, answers questions about it, and writes it while it holds the lease. */
@Injectable()
export class AuditStore implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  private database: Database<AuditTables> | undefined
  private readonly stops: Stop[] = []

  constructor(
    @Inject(BUS) private readonly bus: Bus,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(METRICS) private readonly registry: Registry,
    @Inject(READINESS) private readonly readiness: Readiness,
    @Inject(SETTINGS) private readonly settings: AuditStoreSettings,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { config, instance } = this.settings
    const { bus, logger } = this
    const schema = config.SALLYPORT_AUDIT_SCHEMA
    const metrics = createMetrics(this.registry)
    const bytesMax = config.SALLYPORT_AUDIT_STREAM_BYTES
    await bus.ensureEventStream({ bytesMax })
    // Before the database, which may be what is missing.
    this.stops.push(watchStream({ bus, logger, metrics, bytesMax }))
    const database = await openDatabase<AuditTables>({
      url: config.SALLYPORT_DATABASE_URL,
      ...(config.SALLYPORT_DATABASE_WRITER_URL === undefined ? {} : { runtimeUrl: config.SALLYPORT_DATABASE_WRITER_URL }),
      schema,
      migrations: migrations(schema),
      poolSize: config.SALLYPORT_AUDIT_POOL_SIZE,
      // Arrays of one chunk of events must not go through temporary files.
      // Results of queries are the bulk of what is kept: a server that was built with it compresses them with what costs least.
      // "Stored" means that a crash of the database loses nothing: a server that answers before it has written is not asked to.
      onConnect: `set role "${writerRole(schema)}"; set work_mem = '64MB'; select set_config('default_toast_compression', 'lz4', false) from pg_settings where name = 'default_toast_compression' and 'lz4' = any(enumvals); select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'`,
      onError: (error) => logger.warn({ error: String(error) }, 'an idle connection to the database broke'),
    })
    this.database = database
    this.readiness.add('database', () => database.healthy())
    this.stops.push(
      serveQueries(bus, database),
      startLease({
        pool: database.pool,
        name: `sallyport-audit-sequencer-${schema}`,
        logger,
        whileHeld: (giveBack) => startActiveStore({ pool: database.pool, bus, logger, metrics, config, instance, giveBack }),
      }),
    )
  }

  async onModuleDestroy(): Promise<void> {
    for (const stop of this.stops.splice(0).reverse()) await stop()
  }

  async onApplicationShutdown(): Promise<void> {
    await this.database?.close()
  }
}
