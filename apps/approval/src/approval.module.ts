import { Module, type DynamicModule, type Provider } from '@nestjs/common'
import type { Bus } from '@sallyport/messaging'
import { databaseLife, openDatabase, type Database } from '@sallyport/persistence'
import { BUS, INSTANCE, LOGGER, METRICS, READINESS, type Readiness } from '@sallyport/runtime'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import { Announcer } from './announcer.js'
import { databaseClock, type Clock } from './clock.js'
import type { Config } from './config.js'
import { Endpoints } from './endpoints.js'
import { ApprovalStore } from './store.js'
import { Sweeper } from './sweeper.js'
import { migrations, type Tables } from './tables.js'
import { CLOCK, DATABASE, STORE } from './tokens.js'

@Module({})
export class ApprovalModule {}

/** Everything the service is made of. `clock` is a port: tests move it. */
export const approvalModule = (config: Config, clock: Clock = databaseClock): DynamicModule => ({
  module: ApprovalModule,
  providers: [databaseProvider(config), { provide: CLOCK, useValue: clock }, storeProvider, databaseLifeProvider, Endpoints, Sweeper],
})

const databaseProvider = (config: Config): Provider => ({
  provide: DATABASE,
  inject: [LOGGER],
  useFactory: (logger: Logger) => openDatabase<Tables>({
    url: config.SALLYPORT_DATABASE_URL,
    schema: 'approval',
    migrations,
    onError: (error) => logger.warn({ error: error.message }, 'a database connection broke'),
  }),
})

const databaseLifeProvider: Provider = {
  provide: Symbol('DatabaseLife'),
  inject: [DATABASE, BUS, LOGGER, INSTANCE, READINESS],
  useFactory: (database: Database<Tables>, bus: Bus, logger: Logger, instance: string, readiness: Readiness) => {
    readiness.add('database', () => database.healthy())
    return databaseLife({ database, bus, service: 'approval', source: instance, logger })
  },
}

const storeProvider: Provider = {
  provide: STORE,
  inject: [DATABASE, CLOCK, BUS, METRICS],
  useFactory: (database: Database<Tables>, clock: Clock, bus: Bus, metrics: Registry) => {
    const announcer = new Announcer(bus, metrics, database.kysely)
    return new ApprovalStore(database, clock, (changes) => announcer.announce(changes))
  },
}
