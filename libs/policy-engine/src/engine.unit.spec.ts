import { describe, expect, test } from '@jest/globals'
import { agent, alice, ask, decide, effect, example, NOON, parse, schema, withEngine } from '../test/fixtures.js'
import { agentGuard, buildSchema, createEngine, parsePolicies } from './index.js'

const PERMIT_ALL = '@id("all") permit(principal, action, resource);'

describe('the three verbs', () => {
  test.each([
    ['a permitted read', 'rec.get', 'orders-prod', 'allow', ['agents-read'], 'permitted by agents-read'],
    ['opening a session', 'rec.open', 'orders-prod', 'allow', ['agents-connect'], 'permitted by agents-connect'],
    ['a write that needs approval', 'rec.set', 'orders-prod', 'hold', ['writes-need-a-dba'], 'rec.set on orders-prod needs approval under writes-need-a-dba'],
    ['a write that nothing permits is not held', 'rec.set', 'other', 'deny', [], 'no policy permits rec.set on other for coding-agent'],
    ['a forbidden class', 'rec.drop', 'orders-prod', 'deny', ['no-schema-changes'], 'Schema changes go through migrations.'],
    ['a class that no policy names', 'rec.call', 'orders-prod', 'deny', [], 'no policy permits rec.call on orders-prod for coding-agent'],
  ] as const)('the example of the interface: %s', (_title, action, connection, outcome, policies, reason) => {
    const answer = decide(example, { effects: [effect(action)], connection })
    expect({ outcome: answer.outcome, policies: answer.policies, reason: answer.reason }).toEqual({ outcome, policies, reason })
  })

  test('nothing is permitted without policies', () => {
    expect(decide('@id("x") forbid(principal, action, resource);', {}).outcome).toBe('deny')
    const engine = createEngine(schema, [])
    expect(engine.decide(ask({}), { nowMs: NOON })).toMatchObject({ outcome: 'deny', policies: [], remedy: 'Ask an administrator for a policy that permits it.' })
    engine.dispose()
  })

  test('the example is valid, and decides, without any protocol', () => {
    const bare = buildSchema([])
    expect(parsePolicies(bare, [{ name: 'example', text: example }]).faults).toEqual([])
  })

  test('a hold says what is missing, a denial doesn\'t', () => {
    const held = decide(example, { effects: [effect('rec.set')] })
    expect(held.needs).toEqual([{ policy: 'writes-need-a-dba', group: 'dba', count: 1, expiresMs: 900_000, park: false }])
    expect(decide(example, { effects: [effect('rec.set'), effect('rec.drop')] })).toMatchObject({ outcome: 'deny', needs: [], policies: ['no-schema-changes'] })
  })

  test('needs of several policies, effects and parties are merged by policy', () => {
    const text = `${PERMIT_ALL}
      @id("dba") @approval("dba") @approvals("2") @expires("30s") @park forbid(principal, action in Action::"write", resource);
      @id("owner") @approval("owners") forbid(principal, action in [Action::"write", Action::"read"], resource) when { context has hasWhere && !context.hasWhere };`
    const answer = decide(text, { effects: [effect('rec.set', { hasWhere: false }), effect('rec.set', { hasWhere: true }), effect('rec.get', { hasWhere: false })], chain: [alice] })
    expect(answer.outcome).toBe('hold')
    expect(answer.needs).toEqual([
      { policy: 'dba', group: 'dba', count: 2, expiresMs: 30_000, park: true },
      { policy: 'owner', group: 'owners', count: 1, expiresMs: 900_000, park: false },
    ])
  })

  test('a plain forbid beats an approval', () => {
    const text = `${PERMIT_ALL} @id("ask") @approval("dba") forbid(principal, action, resource); @id("no") @remedy("Use the API.") forbid(principal, action in Action::"write", resource);`
    expect(decide(text, { effects: [effect('rec.set')] })).toMatchObject({ outcome: 'deny', policies: ['no'], reason: 'no forbids rec.set on orders-prod', remedy: 'Use the API.' })
  })
})

describe('whom it is asked for', () => {
  const text = '@id("agents") permit(principal in Group::"ai-agents", action, resource); @id("engineers") permit(principal in Group::"engineers", action in Action::"read", resource);'
  test.each([
    ['an agent alone', [], 'rec.set', 'allow'],
    ['for a person who may too', [alice], 'rec.get', 'allow'],
    ['for a person who may not', [alice], 'rec.set', 'deny'],
    ['for a person of no group', [{ ...alice, groups: [] as string[] }], 'rec.get', 'deny'],
    ['for a person whose group is another issuer\'s', [{ ...alice, groups: ['other/engineers'] }], 'rec.get', 'deny'],
  ])('%s', (_title, chain, action, outcome) => {
    expect(decide(text, { chain, effects: [effect(action)] }).outcome).toBe(outcome)
  })

  test('an agent is not the user of the same name', () => {
    const own = '@id("x") permit(principal == User::"coding-agent", action, resource);'
    expect(decide(own, {}).outcome).toBe('deny')
    expect(decide(own, { party: { ...agent, kind: 'user' } }).outcome).toBe('allow')
  })

  test('explains every effect for every party', () => {
    const answer = decide(text, { chain: [alice], effects: [effect('rec.get'), effect('rec.set')] })
    expect(answer.effects).toEqual([
      { action: 'rec.get', party: 'Agent::"coding-agent"', outcome: 'allow', policies: ['agents'], errors: [] },
      { action: 'rec.get', party: 'User::"alice"', outcome: 'allow', policies: ['engineers'], errors: [] },
      { action: 'rec.set', party: 'Agent::"coding-agent"', outcome: 'allow', policies: ['agents'], errors: [] },
      { action: 'rec.set', party: 'User::"alice"', outcome: 'deny', policies: [], errors: [] },
    ])
    expect(answer.reason).toBe('no policy permits rec.set on orders-prod for alice')
  })

  test('an agent\'s guard keeps it to its connections whatever permits more, also when it acts for somebody', () => {
    const guarded = `${PERMIT_ALL}\n${agentGuard({ name: 'coder', uid: 'coding-agent', connections: ['orders-prod', 'build-host'] })}`
    expect(decide(guarded, { connection: 'build-host' }).outcome).toBe('allow')
    expect(decide(guarded, { connection: 'payroll' })).toMatchObject({ outcome: 'deny', policies: ['agent-coder-connections'] })
    expect(decide(guarded, { connection: 'payroll', party: alice }).outcome).toBe('allow')
    expect(decide(guarded, { connection: 'payroll', party: alice, chain: [agent] }).outcome).toBe('deny')
  })

  test('an agent without connections reaches none, and names can hold anything', () => {
    const uid = 'other/a"; \\ \u0000\u0007\n'
    const text = `${PERMIT_ALL}\n${agentGuard({ name: 'coder', uid, connections: [] })}`
    expect(decide(text, { party: { ...agent, uid } }).outcome).toBe('deny')
    expect(decide(text, {}).outcome).toBe('allow')
  })
})

describe('what was not recognised', () => {
  test.each([
    ['permit(principal, action, resource)', 'deny'],
    ['permit(principal, action, resource) when { action in Action::"unrecognised" }', 'deny'],
    ['permit(principal, action in Action::"read", resource)', 'deny'],
    ['permit(principal, action in Action::"unrecognised", resource)', 'allow'],
    ['permit(principal, action in [Action::"read", Action::"unrecognised"], resource)', 'allow'],
    ['permit(principal, action == Action::"rec.unknown", resource)', 'allow'],
  ])('%s: %s', (policy, outcome) => {
    expect(decide(`@id("x") ${policy};`, { effects: [effect('rec.unknown')] }).outcome).toBe(outcome)
  })

  test('an approval doesn\'t replace the permit that names it', () => {
    const approval = '@id("ask") @approval("dba") forbid(principal, action, resource);'
    expect(decide(`${PERMIT_ALL} ${approval}`, { effects: [effect('rec.unknown')] })).toMatchObject({ outcome: 'deny', policies: [] })
    expect(decide(`@id("x") permit(principal, action in Action::"unrecognised", resource); ${approval}`, { effects: [effect('rec.unknown')] }).outcome).toBe('hold')
  })

  test.each([
    ['permit(principal, action, resource)', 'deny'],
    ['permit(principal, action in Action::"write", resource)', 'deny'],
    ['permit(principal, action in [Action::"write", Action::"unrecognised"], resource)', 'deny'],
    ['permit(principal, action in [Action::"write", Action::"unmask"], resource)', 'allow'],
  ])('what would leave masked data unmasked: %s: %s', (policy, outcome) => {
    const answer = decide(`@id("x") ${policy};`, { effects: [effect('rec.set', {}, 'unmask')] })
    expect(answer.outcome).toBe(outcome)
    if (outcome === 'deny') expect(answer).toMatchObject({ reason: expect.stringContaining('Action::"unmask"'), remedy: expect.stringContaining('Leave the masked columns out') })
  })

  test('a known action that could not be read counts as unrecognised too', () => {
    const answer = decide(PERMIT_ALL, { effects: [effect('rec.get', {}, 'unrecognised')] })
    expect(answer.outcome).toBe('deny')
    expect(answer.reason).toContain('Action::"unrecognised"')
  })
})

describe('an effect of a stricter class than its action\'s', () => {
  const asWrite = { effects: [effect('rec.get', {}, 'write')] }
  test.each([
    ['a permit of the usual class is not enough', '@id("x") permit(principal, action in Action::"read", resource);', 'deny'],
    ['nor one of the precise action', '@id("x") permit(principal, action == Action::"rec.get", resource);', 'deny'],
    ['a permit of the stricter class is', '@id("x") permit(principal, action in Action::"write", resource);', 'allow'],
    ['so is one of everything', PERMIT_ALL, 'allow'],
    ['forbids of the precise action count', `${PERMIT_ALL} @id("x") forbid(principal, action == Action::"rec.get", resource);`, 'deny'],
    ['forbids of the usual class count', `${PERMIT_ALL} @id("x") forbid(principal, action in Action::"read", resource);`, 'deny'],
    ['forbids of the stricter class count', `${PERMIT_ALL} @id("x") forbid(principal, action in Action::"write", resource);`, 'deny'],
  ])('%s', (_title, text, outcome) => {
    expect(decide(text, asWrite).outcome).toBe(outcome)
  })
})

describe('facts and circumstances', () => {
  test.each([
    ['labels', 'resource.hasTag("environment") && resource.getTag("environment") == "prod"', {}, true],
    ['labels of another connection', 'resource.hasTag("environment") && resource.getTag("environment") == "prod"', { labels: {} }, false],
    ['the protocol', 'resource.protocol == "records"', {}, true],
    ['a fact that was sent', 'context has rows && context.rows < 10', { effects: [effect('rec.get', { rows: 9 })] }, true],
    ['a fact that was not', 'context has rows && context.rows < 10', {}, false],
    ['a set', 'context has tables && ["a", "b"].containsAll(context.tables)', { effects: [effect('rec.get', { tables: ['a'] })] }, true],
    ['the source address', 'context.sourceAddress.isInRange(ip("10.0.0.0/8"))', {}, true],
    ['one mapped into IPv6', 'context.sourceAddress.isInRange(ip("10.0.0.0/8"))', { sourceAddress: '::ffff:10.9.8.7' }, true],
    ['one with a zone', 'context.sourceAddress.isIpv6()', { sourceAddress: 'fe80::1%eth0' }, true],
    ['grants', 'context.grants.contains("gr_1")', { grants: ['gr_1'] }, true],
    ['an intent', 'context has intent && context.intent == "fix"', { intent: 'fix' }, true],
    ['the weekday', 'context.weekday == 4 && context.hour == 12 && context.minute == 30', {}, true],
    ['the date', 'context.date == "2026-11-19" && !context.weekend', {}, true],
  ])('%s', (_title, condition, of, allowed) => {
    expect(decide(`@id("x") permit(principal, action, resource) when { ${condition} };`, of).outcome).toBe(allowed ? 'allow' : 'deny')
  })

  test.each([
    ['an unknown protocol', { protocol: 'telnet' }, 'the policies know no protocol "telnet"'],
    ['an unknown action', { effects: [effect('rec.new', {}, 'read')] }, 'the policies know no action "rec.new"'],
    ['another protocol\'s action', { effects: [effect('let.read', {}, 'read')] }, 'the policies know no action "let.read"'],
    ['an inherited name', { effects: [effect('toString', {}, 'read')] }, 'the policies know no action "toString"'],
    ['an unknown fact', { effects: [effect('rec.get', { folder: 'x' })] }, 'the policies know no fact "folder"'],
    ['a fact of another type', { effects: [effect('rec.get', { rows: 'many' })] }, 'the fact "rows" is not of type integer'],
    ['an address that is none', { sourceAddress: 'localhost' }, 'the request could not be judged'],
    ['a range as address', { sourceAddress: '10.0.0.0/8' }, 'the request could not be judged'],
    ['half a character', { party: { ...agent, uid: 'x\ud800' } }, 'the request holds text that is not well-formed Unicode'],
  ])('%s is refused although everything is permitted', (_title, of, reason) => {
    const answer = decide(PERMIT_ALL, of)
    expect(answer.outcome).toBe('deny')
    expect(answer.reason).toContain(reason)
  })

  test('one class as its own precise action', () => {
    expect(decide('@id("x") permit(principal, action in Action::"connect", resource);', { effects: [effect('connect', {}, 'connect')] }).outcome).toBe('allow')
  })

  test('a policy that fails when it is evaluated denies, and its facts stay out of the reason', () => {
    const text = `${PERMIT_ALL} @id("sum") forbid(principal, action, resource) when { context has rows && context.rows + 9223372036854775807 > 0 };`
    const answer = decide(text, { effects: [effect('rec.get', { rows: 4711 })] })
    expect(answer.outcome).toBe('deny')
    expect(answer.reason).toBe('rec.get on orders-prod is refused: policy sum could not be evaluated')
    expect(answer.effects[0]?.errors[0]).toContain('overflow')
    expect(decide(text, {}).outcome).toBe('allow')
  })

  test('so does an approval that fails, whatever else asks for one', () => {
    const text = `${PERMIT_ALL} @id("ask") @approval("dba") forbid(principal, action, resource);
      @id("sum") @approval("dba") forbid(principal, action, resource) when { context has rows && context.rows + 9223372036854775807 > 0 };`
    expect(decide(text, { effects: [effect('rec.get', { rows: 1 })] })).toMatchObject({ outcome: 'deny', needs: [] })
    expect(decide(text, { effects: [effect('rec.get', { rows: 0 })] }).needs).toHaveLength(2)
  })

  test('what is not judged in time is denied', () => {
    let asked = 0
    const answer = withEngine(PERMIT_ALL, (engine) => engine.decide(ask({ effects: [effect('rec.get'), effect('rec.get'), effect('rec.get')] }), { nowMs: NOON, expired: () => ++asked > 2 }))
    expect(answer.effects.map(({ outcome }) => outcome)).toEqual(['allow', 'allow', 'deny'])
    expect(answer.reason).toContain('in time')
    expect(answer.validUntil).toBe(NOON)
  })
})

describe('how long an answer holds', () => {
  const SUNDAY = Date.UTC(2026, 10, 22, 23, 59, 59, 999)
  test.each([
    ['no calendar fact', 'context has rows', NOON, null],
    ['the minute', 'context.minute > 5', NOON, Date.UTC(2026, 10, 19, 12, 31)],
    ['the hour', 'context.hour > 5', NOON, Date.UTC(2026, 10, 19, 13)],
    ['the hour and the date', 'context["hour"] > 5 || context.date == "x"', NOON, Date.UTC(2026, 10, 19, 13)],
    ['the weekday', 'context.weekday > 5', NOON, Date.UTC(2026, 10, 20)],
    ['the weekend, from a Thursday', 'context.weekend', NOON, Date.UTC(2026, 10, 21)],
    ['the weekend, from a Sunday', 'context.weekend', SUNDAY, Date.UTC(2026, 10, 23)],
    ['the hour at its very end', 'context.hour > 5', SUNDAY, Date.UTC(2026, 10, 23)],
    ['a comment that names a fact', 'context has rows // context.hour', NOON, null],
    ['a text that names a fact', 'context has database && context.database == "context.hour"', NOON, null],
  ])('%s', (_title, condition, nowMs, until) => {
    expect(decide(`@id("x") permit(principal, action, resource) when { ${condition}\n};`, {}, nowMs).validUntil).toBe(until)
  })

  test('names what the answer may depend on', () => {
    const text = '@id("x") permit(principal, action, resource) when { context.hour > 3 && context.grants.contains("x") };'
    expect(decide(text, { effects: [effect('rec.get', { rows: 1 }), effect('rec.get', { rows: 2, database: 'a' })] }).dependsOn)
      .toEqual(['principal', 'groups', 'chain', 'connection', 'protocol', 'labels', 'action', 'rows', 'database', 'grants', 'hour'])
  })
})

test('a disposed engine answers nothing, and its place is used again without what was in it', () => {
  const { policies } = parse(PERMIT_ALL)
  const first = createEngine(schema, policies)
  first.dispose()
  expect(() => first.decide(ask({}), { nowMs: NOON })).toThrow('disposed')
  const second = createEngine(schema, [])
  expect(second.decide(ask({}), { nowMs: NOON }).outcome).toBe('deny')
  second.dispose()
})
