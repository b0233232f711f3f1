import { Inject, Injectable, Module, type DynamicModule, type OnApplicationBootstrap, type OnApplicationShutdown, type OnModuleDestroy, type Provider } from '@nestjs/common'
import type { Bus, Stop } from '@sallyport/messaging'
import { openDatabase, startOutbox, type Database } from '@sallyport/persistence'
import { protocols } from '@sallyport/protocols'
import { BUS, INSTANCE, LOGGER, READINESS, type Readiness } from '@sallyport/runtime'
import type { Logger } from 'pino'
import { makeChanges, type Changes } from './apply/changes.js'
import { Tending } from './apply/tending.js'
import { makeTurns, type Turns } from './apply/turns.js'
import { developmentIssuerOf, type Config } from './config.js'
import { makeCredentials, type Credentials } from './credentials/credentials.js'
import { makeDirectory, type Directory } from './directory/directory.js'
import { DirectoryEndpoints } from './directory/endpoints.js'
import { makeGuards, type Guards } from './directory/guards.js'
import { makeLearned } from './directory/learned.js'
import { ApiServer } from './http/server.js'
import type { Services } from './services.js'
import { migrations, type Tables } from './tables.js'
import { CHANGES, CREDENTIALS, DATABASE, DIRECTORY, GUARDS, LEARNED, SERVICES, TURNS } from './tokens.js'

@Module({})
export class ApiModule {}

/** Relays the directory's events while the service runs, and closes the pool when all else has stopped. */
@Injectable()
class Persistence implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  private stopOutbox: Stop = () => undefined

  constructor(
    @Inject(DATABASE) private readonly database: Database<Tables>,
    @Inject(BUS) private readonly bus: Bus,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(INSTANCE) private readonly instance: string,
  ) {}

  onApplicationBootstrap(): void {
    this.stopOutbox = startOutbox({ database: this.database, bus: this.bus, service: 'api', source: this.instance, logger: this.logger })
  }

  async onModuleDestroy(): Promise<void> {
    await this.stopOutbox()
  }

  async onApplicationShutdown(): Promise<void> {
    await this.database.close()
  }
}

/** Everything the service is made of. `known`: the protocols that connections may name. */
export const apiModule = (config: Config, known: Services['protocols'] = protocols): DynamicModule => ({
  module: ApiModule,
  providers: [...stateProviders(config, known), servicesProvider(config, known), Persistence, DirectoryEndpoints, Tending, ApiServer],
})

const stateProviders = (config: Config, known: Services['protocols']): Provider[] => {
  const installation = { protocols: new Map(known.map((protocol) => [protocol.name, protocol])), developmentIssuer: developmentIssuerOf(config) }
  return [
    {
      provide: DATABASE,
      inject: [LOGGER],
      useFactory: (logger: Logger) => openDatabase<Tables>({ url: config.SALLYPORT_DATABASE_URL, schema: 'api', migrations, onError: (error) => logger.warn({ error: error.message }, 'a database connection broke') }),
    },
    {
      provide: DIRECTORY,
      inject: [DATABASE, BUS, LOGGER, INSTANCE, READINESS],
      useFactory: (database: Database<Tables>, bus: Bus, logger: Logger, instance: string, readiness: Readiness) => {
        const directory = makeDirectory({ database, bus, logger, instance, installation })
        readiness.add('directory', () => directory.set.verified())
        return directory
      },
    },
    { provide: CREDENTIALS, inject: [DATABASE, DIRECTORY], useFactory: (database: Database<Tables>, directory: Directory) => makeCredentials(database, directory) },
    { provide: LEARNED, inject: [DATABASE, DIRECTORY], useFactory: (database: Database<Tables>, directory: Directory) => makeLearned(database, directory) },
    { provide: TURNS, inject: [DATABASE], useFactory: (database: Database<Tables>) => makeTurns(database) },
    { provide: GUARDS, inject: [BUS, LOGGER], useFactory: (bus: Bus, logger: Logger) => makeGuards(bus, installation, logger) },
    {
      provide: CHANGES,
      inject: [DATABASE, BUS, LOGGER, DIRECTORY, GUARDS],
      useFactory: (database: Database<Tables>, bus: Bus, logger: Logger, directory: Directory, guards: Guards) => makeChanges({ database, bus, logger, directory, guards }),
    },
  ]
}

const servicesProvider = (config: Config, known: Services['protocols']): Provider => ({
  provide: SERVICES,
  inject: [BUS, DIRECTORY, CREDENTIALS, GUARDS, CHANGES, TURNS],
  useFactory: (bus: Bus, directory: Directory, credentials: Credentials, guards: Guards, changes: Changes, turns: Turns): Services => ({ bus, config, directory, credentials, guards, changes, turns, protocols: known }),
})
