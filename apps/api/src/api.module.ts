import { Module, type DynamicModule, type Provider } from '@nestjs/common'
import type { Bus } from '@sallyport/messaging'
import { databaseLife, openDatabase, type Database } from '@sallyport/persistence'
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

/** Everything the service is made of. `known`: the protocols that connections may name. */
export const apiModule = (config: Config, known: Services['protocols'] = protocols): DynamicModule => ({
  module: ApiModule,
  providers: [...stateProviders(config, known), servicesProvider(config, known), databaseLifeProvider, DirectoryEndpoints, Tending, ApiServer],
})

const databaseLifeProvider: Provider = {
  provide: Symbol('DatabaseLife'),
  inject: [DATABASE, BUS, LOGGER, INSTANCE],
  useFactory: (database: Database<Tables>, bus: Bus, logger: Logger, instance: string) => databaseLife({ database, bus, service: 'api', source: instance, logger }),
}

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
