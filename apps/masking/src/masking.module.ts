import { Module, type DynamicModule, type Provider } from '@nestjs/common'
import type { Bus } from '@sallyport/messaging'
import { databaseLife, openDatabase, type Database } from '@sallyport/persistence'
import { BUS, INSTANCE, LOGGER, METRICS, READINESS, type Readiness } from '@sallyport/runtime'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { Config } from './config.js'
import { Endpoints } from './endpoints.js'
import { makeMetrics, type Metrics } from './metrics.js'
import { Plans } from './plans.js'
import { makeRules, type Rules } from './rules.js'
import { migrations, type Tables } from './tables.js'
import { DATABASE, PLANS, RULES } from './tokens.js'

@Module({})
export class MaskingModule {}

const COUNTERS = Symbol('Counters')

/** Everything the service is made of. */
export const maskingModule = (config: Config): DynamicModule => ({
  module: MaskingModule,
  providers: [databaseProvider(config), countersProvider, rulesProvider, plansProvider, databaseLifeProvider, Endpoints],
})

const databaseProvider = (config: Config): Provider => ({
  provide: DATABASE,
  inject: [LOGGER],
  useFactory: (logger: Logger) => openDatabase<Tables>({
    url: config.SALLYPORT_DATABASE_URL,
    schema: 'masking',
    migrations,
    onError: (error) => logger.warn({ error: error.message }, 'a database connection broke'),
  }),
})

const databaseLifeProvider: Provider = {
  provide: Symbol('DatabaseLife'),
  inject: [DATABASE, BUS, LOGGER, INSTANCE],
  useFactory: (database: Database<Tables>, bus: Bus, logger: Logger, instance: string) => databaseLife({ database, bus, service: 'masking', source: instance, logger }),
}

const countersProvider: Provider = { provide: COUNTERS, inject: [METRICS], useFactory: (registry: Registry) => makeMetrics(registry) }

const rulesProvider: Provider = {
  provide: RULES,
  inject: [DATABASE, BUS, LOGGER, INSTANCE, COUNTERS, READINESS],
  useFactory: (database: Database<Tables>, bus: Bus, logger: Logger, instance: string, metrics: Metrics, readiness: Readiness) => {
    const rules = makeRules({ database, bus, logger, instance, metrics })
    readiness.add('rules', () => rules.verified())
    return rules
  },
}

const plansProvider: Provider = {
  provide: PLANS,
  inject: [RULES, COUNTERS],
  useFactory: (rules: Rules, metrics: Metrics) => new Plans(rules, metrics),
}
