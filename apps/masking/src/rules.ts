import { configurationSet, type ConfigurationSet } from '@sallyport/configuration'
import { maskingRuleSchema, type MaskingRule } from '@sallyport/contracts/masking'
import { MASKING_HEARTBEAT } from '@sallyport/contracts/policy'
import { ruleFaults } from '@sallyport/masking-engine'
import type { Bus } from '@sallyport/messaging'
import type { Database } from '@sallyport/persistence'
import type { Kysely } from 'kysely'
import type { Logger } from 'pino'
import { hashKeyInUse } from './hash-key.js'
import type { Metrics } from './metrics.js'
import type { KeyTables, Tables } from './tables.js'

/** What plans are made with, besides the rules. */
export interface Compiled {
  /** Base64. */
  readonly hashKey: string
}

/** The masking rules in force. */
export type Rules = ConfigurationSet<MaskingRule, Compiled>

export const makeRules = (parts: { readonly database: Database<Tables>; readonly bus: Bus; readonly logger: Logger; readonly instance: string; readonly metrics: Metrics }): Rules => {
  const { metrics, ...rest } = parts
  return configurationSet<MaskingRule, Compiled>({
    ...rest,
    aggregate: 'masking-rule',
    schema: maskingRuleSchema,
    heartbeat: MASKING_HEARTBEAT,
    // A rule holds or doesn't by itself, so only those that change are judged.
    validate: (documents, changed) => documents.filter(({ name }) => changed.has(name)).flatMap(ruleFaults),
    load: async ({ revision, documents }) => {
      const hashKey = await hashKeyInUse(rest.database.kysely as unknown as Kysely<KeyTables>)
      metrics.revision.set(revision)
      metrics.rules.set(documents.length)
      return { hashKey }
    },
  })
}
