import { actionClasses, type ActionClass } from '@sallyport/contracts/policy'
import { cedar } from './cedar.js'

/** Type of a fact in the Cedar schema: Bool, Long, String, Set<String>. */
export type FactType = 'boolean' | 'integer' | 'string' | 'strings'

/** What policies have to know of a protocol; a protocol's descriptor satisfies it. */
export interface PolicyProtocol {
  readonly name: string
  /** Precise actions and their class (Cedar action group). */
  readonly actions: Readonly<Record<string, ActionClass>>
  /** Facts of an effect, all optional in the schema. */
  readonly facts: Readonly<Record<string, FactType>>
}

/** The Cedar schema of an installation's protocols, and what of it the engine checks itself. */
export interface PolicySchema {
  /** In Cedar's schema syntax. */
  readonly text: string
  readonly protocols: ReadonlyMap<string, PolicyProtocol>
  /** Every name that may follow `context.`. */
  readonly contextNames: ReadonlySet<string>
}

/** Two protocols contradict each other, or a name can't be used in Cedar: a defect of a descriptor. */
export class PolicySchemaError extends Error {
  override readonly name = 'PolicySchemaError'
  readonly code = 'policy-schema-invalid'
}

/** Time enters only as these, in UTC; `weekday` is 1 (Monday) to 7, `date` is `2026-12-24`. */
export const calendarFacts = ['weekday', 'hour', 'minute', 'weekend', 'date'] as const
export type CalendarFact = (typeof calendarFacts)[number]

const circumstances: Readonly<Record<string, string>> = {
  sourceAddress: 'ipaddr',
  'intent?': 'String',
  grants: 'Set<String>',
  weekday: 'Long',
  hour: 'Long',
  minute: 'Long',
  weekend: 'Bool',
  date: 'String',
}
const circumstanceNames = Object.keys(circumstances).map((name) => name.replace('?', ''))
const cedarTypes: Readonly<Record<FactType, string>> = { boolean: 'Bool', integer: 'Long', string: 'String', strings: 'Set<String>' }

const ACTION_FORM = /^[a-z][a-zA-Z0-9_.-]{0,63}$/
const FACT_FORM = /^[a-z][a-zA-Z0-9]{0,63}$/
const RESERVED = new Set(['true', 'false', 'if', 'then', 'else', 'in', 'is', 'like', 'has', 'context'])

const APPLIES_TO = 'appliesTo { principal: [User, Agent], resource: Connection, context: Facts }'

/**
 * Builds the schema that every policy is validated against. Labels are free-form, so they are tags of the connection:
 * `resource.hasTag("environment") && resource.getTag("environment") == "prod"`.
 * A class is an action of its own as well as a group, so that policies about it are valid before any protocol has a precise action in it.
 * Every action has all facts: a policy about a class may test those of several protocols. Throws PolicySchemaError.
 */
export const buildSchema = (protocols: readonly PolicyProtocol[]): PolicySchema => {
  const facts = new Map<string, FactType>()
  const actions = new Map<string, ActionClass>()
  for (const protocol of protocols) {
    addFacts(facts, protocol)
    addActions(actions, protocol)
  }
  const byName = new Map(protocols.map((protocol) => [protocol.name, protocol]))
  if (byName.size !== protocols.length) throw new PolicySchemaError('two protocols have the same name')
  const context = [...[...facts].map(([name, type]) => `${name}?: ${cedarTypes[type]}`), ...Object.entries(circumstances).map(([name, type]) => `${name}: ${type}`)]
  const text = [
    'entity Group;',
    'entity User in [Group];',
    'entity Agent in [Group];',
    'entity Connection = { protocol: String } tags String;',
    `type Facts = { ${context.join(', ')} };`,
    ...actionClasses.map((name) => `action "${name}" ${APPLIES_TO};`),
    ...[...actions].map(([action, actionClass]) => `action "${action}" in ["${actionClass}"] ${APPLIES_TO};`),
  ].join('\n')
  const parsed = cedar.checkParseSchema(text)
  if (parsed.type === 'failure') throw new PolicySchemaError(parsed.errors.map((error) => error.message).join('; '))
  return { text, protocols: byName, contextNames: new Set([...facts.keys(), ...circumstanceNames]) }
}

const addFacts = (facts: Map<string, FactType>, protocol: PolicyProtocol): void => {
  for (const [name, type] of Object.entries(protocol.facts)) {
    if (!FACT_FORM.test(name) || RESERVED.has(name)) throw new PolicySchemaError(`${protocol.name}: "${name}" can't be the name of a fact`)
    if (circumstanceNames.includes(name)) throw new PolicySchemaError(`${protocol.name}: the fact "${name}" is the name of a circumstance`)
    const known = facts.get(name)
    if (known !== undefined && known !== type) throw new PolicySchemaError(`${protocol.name}: the fact "${name}" is ${type} here and ${known} in another protocol`)
    facts.set(name, type)
  }
}

const addActions = (actions: Map<string, ActionClass>, protocol: PolicyProtocol): void => {
  for (const [action, actionClass] of Object.entries(protocol.actions)) {
    if (action === actionClass) continue
    if (!ACTION_FORM.test(action) || (actionClasses as readonly string[]).includes(action)) throw new PolicySchemaError(`${protocol.name}: "${action}" can't be the name of a precise action`)
    const known = actions.get(action) ?? actionClass
    if (known !== actionClass) throw new PolicySchemaError(`${protocol.name}: the action "${action}" is of class ${actionClass} here and ${known} in another protocol`)
    actions.set(action, actionClass)
  }
}
