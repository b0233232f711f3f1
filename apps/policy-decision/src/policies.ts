import { configurationSet, type ConfigurationSet } from '@sallyport/configuration'
import type { Fault } from '@sallyport/contracts/change'
import { POLICY_HEARTBEAT, policyDocumentSchema, type PolicyDocument } from '@sallyport/contracts/policy'
import type { Bus } from '@sallyport/messaging'
import type { Database } from '@sallyport/persistence'
import { createEngine, parsePolicies, type Engine, type PolicySchema } from '@sallyport/policy-engine'
import type { Logger } from 'pino'
import type { Metrics } from './metrics.js'
import type { Tables } from './tables.js'

/** What decides by the policies in force, or why nothing can. */
export type Compiled = { readonly kind: 'engine'; readonly engine: Engine } | { readonly kind: 'faulty'; readonly why: string }

/** The policies in force, as documents and as what decides by them. */
export type Policies = ConfigurationSet<PolicyDocument, Compiled>

/** What is in force, and one that a decision under way may still hold. */
const ENGINES_KEPT = 2
const FAULTS_SHOWN = 5

export const makePolicies = (parts: { readonly database: Database<Tables>; readonly bus: Bus; readonly logger: Logger; readonly instance: string; readonly schema: PolicySchema; readonly metrics: Metrics }): Policies => {
  const { schema, metrics, ...rest } = parts
  const engines: Engine[] = []
  return configurationSet<PolicyDocument, Compiled>({
    ...rest,
    aggregate: 'policy',
    schema: policyDocumentSchema,
    heartbeat: POLICY_HEARTBEAT,
    validate: (documents, changed) => parsePolicies(schema, documents, changed).faults,
    load: ({ revision, documents }) => {
      metrics.revision.set(revision)
      // Validated when they were put, but perhaps by a version with other facts. By policies that can't be trusted to mean what they
      // say nothing is decided; put and apply judge only what they change, so one by one they can be mended.
      const { policies, faults } = parsePolicies(schema, documents)
      if (faults.length > 0) {
        const why = `the policies in force don't hold with this version of Sallyport: ${faults.slice(0, FAULTS_SHOWN).map(describe).join('; ')}`
        rest.logger.error({ revision, faults: faults.length }, why)
        return { kind: 'faulty', why }
      }
      const engine = createEngine(schema, policies)
      engines.push(engine)
      while (engines.length > ENGINES_KEPT) engines.shift()?.dispose()
      return { kind: 'engine', engine }
    },
  })
}

const describe = ({ file, line, column, message }: Fault): string => `${file ?? ''}:${line ?? 1}:${column ?? 1} ${message}`
