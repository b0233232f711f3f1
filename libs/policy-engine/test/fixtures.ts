import type { DecideRequest } from '@sallyport/contracts/policy'
import { buildSchema, createEngine, parsePolicies, type Engine, type PolicyProtocol, type PolicySource } from '../src/index.js'

/** An invented protocol, so that the engine's tests name no real one. */
export const records: PolicyProtocol = {
  name: 'records',
  actions: { 'rec.open': 'connect', 'rec.get': 'read', 'rec.set': 'write', 'rec.drop': 'schema', 'rec.call': 'execute', 'rec.unknown': 'unrecognised' },
  facts: { hasWhere: 'boolean', tables: 'strings', rows: 'integer', database: 'string' },
}
export const letters: PolicyProtocol = { name: 'letters', actions: { 'let.read': 'read' }, facts: { folder: 'string' } }
export const schema = buildSchema([records, letters])

export const classOf = (action: string) => records.actions[action] ?? 'unrecognised'

type Effect = DecideRequest['effects'][number]
type Party = DecideRequest['principal']['chain'][number]

export const effect = (action: string, facts: Effect['facts'] = {}, actionClass: Effect['class'] = classOf(action)): Effect => ({ action, class: actionClass, facts })
export const agent: Party = { kind: 'agent', issuer: 'corp', subject: 'coding-agent', uid: 'coding-agent', groups: ['ai-agents'], owner: 'alice' }
export const alice: Party = { kind: 'user', issuer: 'corp', subject: 'alice', uid: 'alice', groups: ['engineers'] }

export interface Ask {
  readonly effects?: Effect[]
  readonly party?: Party
  readonly chain?: Party[]
  readonly connection?: string
  readonly protocol?: string
  readonly labels?: Record<string, string>
  readonly sourceAddress?: string
  readonly intent?: string
  readonly grants?: string[]
}

export const ask = (of: Ask): DecideRequest => ({
  principal: { ...(of.party ?? agent), chain: of.chain ?? [] },
  connection: { name: of.connection ?? 'orders-prod', protocol: of.protocol ?? 'records', labels: of.labels ?? { environment: 'prod' }, revision: 1 },
  effects: of.effects ?? [effect('rec.get')],
  circumstances: { sourceAddress: of.sourceAddress ?? '10.1.2.3', grants: of.grants ?? [], ...(of.intent === undefined ? {} : { intent: of.intent }) },
})

export const parse = (text: string, more: PolicySource[] = []) => parsePolicies(schema, [{ name: 'test', text, file: 'test.cedar' }, ...more])

/** Thursday. */
export const NOON = Date.UTC(2026, 10, 19, 12, 30, 15)

export const withEngine = <T>(text: string, use: (engine: Engine) => T): T => {
  const { policies, faults } = parse(text)
  if (faults.length > 0) throw new Error(JSON.stringify(faults, null, 2))
  const engine = createEngine(schema, policies)
  try {
    return use(engine)
  } finally {
    engine.dispose()
  }
}

export const decide = (text: string, of: Ask, nowMs = NOON) => withEngine(text, (engine) => engine.decide(ask(of), { nowMs }))

/** interfaces.md, section 3, verbatim. */
export const example = `
@id("agents-connect") permit (principal in Group::"ai-agents", action in Action::"connect", resource);
@id("agents-read") permit (principal in Group::"ai-agents", action in Action::"read", resource);
@id("agents-write") permit (principal in Group::"ai-agents", action in Action::"write", resource == Connection::"orders-prod");

@id("writes-need-a-dba") @approval("dba") @approvals("1") @expires("15m")     // add @park to refuse now and run on retry
forbid (principal in Group::"ai-agents", action in Action::"write", resource);

@id("no-schema-changes") @reason("Schema changes go through migrations.")
forbid (principal in Group::"ai-agents", action in Action::"schema", resource);
`
