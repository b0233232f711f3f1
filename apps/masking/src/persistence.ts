import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common'
import type { Bus, Stop } from '@sallyport/messaging'
import { startOutbox, type Database } from '@sallyport/persistence'
import { BUS, INSTANCE, LOGGER } from '@sallyport/runtime'
import type { Logger } from 'pino'
import type { Tables } from './tables.js'
import { DATABASE } from './tokens.js'

/** Relays the rules' events to the event stream while the service runs, and closes the pool when all else has stopped. */
@Injectable()
export class Persistence implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  private stopOutbox: Stop = () => undefined

  constructor(
    @Inject(DATABASE) private readonly database: Database<Tables>,
    @Inject(BUS) private readonly bus: Bus,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(INSTANCE) private readonly instance: string,
  ) {}

  onApplicationBootstrap(): void {
    this.stopOutbox = startOutbox({ database: this.database, bus: this.bus, service: 'masking', source: this.instance, logger: this.logger })
  }

  async onModuleDestroy(): Promise<void> {
    await this.stopOutbox()
  }

  async onApplicationShutdown(): Promise<void> {
    await this.database.close()
  }
}
