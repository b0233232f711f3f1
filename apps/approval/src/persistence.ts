import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common'
import type { Bus, Stop } from '@sallyport/messaging'
import { startOutbox, type Database } from '@sallyport/persistence'
import { BUS, INSTANCE, LOGGER, READINESS, type Readiness } from '@sallyport/runtime'
import type { Logger } from 'pino'
import type { Tables } from './tables.js'
import { DATABASE } from './tokens.js'

/** The database's part in the service's life: readiness, the relay of its events, and closing last. */
@Injectable()
export class Persistence implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  private stopOutbox: Stop | undefined

  constructor(
    @Inject(DATABASE) private readonly database: Database<Tables>,
    @Inject(BUS) private readonly bus: Bus,
    @Inject(INSTANCE) private readonly instance: string,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(READINESS) readiness: Readiness,
  ) {
    readiness.add('database', () => database.healthy())
  }

  onApplicationBootstrap(): void {
    this.stopOutbox = startOutbox({ database: this.database, bus: this.bus, service: 'approval', source: this.instance, logger: this.logger })
  }

  async onModuleDestroy(): Promise<void> {
    await this.stopOutbox?.()
  }

  async onApplicationShutdown(): Promise<void> {
    await this.database.close()
  }
}
