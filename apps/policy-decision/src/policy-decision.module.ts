import { Module, type DynamicModule, type Provider } from '@nestjs/common'
import type { Bus } from '@sallyport/messaging'
import { databaseLife, openDatabase, type Database } from '@sallyport/persistence'
import { buildSchema, engineBroken, type PolicyProtocol, type PolicySchema } from '@sallyport/policy-engine'
import { protocols } from '@sallyport/protocols'
import { BUS, INSTANCE, LOGGER, METRICS, READINESS, type Readiness } from '@sallyport/runtime'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import type { Config } from './config.js'
import { Decisions } from './decisions.js'
import { Endpoints } from './endpoints.js'
import { makeMetrics } from './metrics.js'
import { makePolicies, type Policies } from './policies.js'
import { migrations, type Tables } from './tables.js'
import { DATABASE, DECISIONS, POLICIES, SCHEMA } from './tokens.js'

@Module({})
export class PolicyDecisionModule {}

const COUNTERS = Symbol('Counters')

/** Everything the service is made of. `known` is what policies can speak about: the installation's protocols. */
export const policyDecisionModule = (config: Config, known: readonly PolicyProtocol[] = protocols): DynamicModule => ({
  module: PolicyDecisionModule,
  providers: [databaseProvider(config), { provide: SCHEMA, useFactory: () => buildSchema(known) }, countersProvider, policiesProvider, decisionsProvider, databaseLifeProvider, Endpoints],
})

const databaseProvider = (config: Config): Provider => ({
  provide: DATABASE,
  inject: [LOGGER],
  useFactory: (logger: Logger) => openDatabase<Tables>({
    url: config.SALLYPORT_DATABASE_URL,
    schema: 'policy_decision',
    migrations,
    onError: (error) => logger.warn({ error: error.message }, 'a database connection broke'),
  }),
})

const databaseLifeProvider: Provider = {
  provide: Symbol('DatabaseLife'),
  inject: [DATABASE, BUS, LOGGER, INSTANCE],
  useFactory: (database: Database<Tables>, bus: Bus, logger: Logger, instance: string) => databaseLife({ database, bus, service: 'policy-decision', source: instance, logger }),
}

const countersProvider: Provider = { provide: COUNTERS, inject: [METRICS], useFactory: (registry: Registry) => makeMetrics(registry) }

const policiesProvider: Provider = {
  provide: POLICIES,
  inject: [DATABASE, BUS, LOGGER, INSTANCE, SCHEMA, COUNTERS, READINESS],
  useFactory: (database: Database<Tables>, bus: Bus, logger: Logger, instance: string, schema: PolicySchema, metrics: ReturnType<typeof makeMetrics>, readiness: Readiness) => {
    const policies = makePolicies({ database, bus, logger, instance, schema, metrics })
    readiness.add('policies', () => policies.verified())
    readiness.addVital('engine', () => !engineBroken(), 'the policy engine broke')
    return policies
  },
}

const decisionsProvider: Provider = {
  provide: DECISIONS,
  inject: [POLICIES, COUNTERS],
  useFactory: (policies: Policies, metrics: ReturnType<typeof makeMetrics>) => new Decisions(policies, metrics),
}
