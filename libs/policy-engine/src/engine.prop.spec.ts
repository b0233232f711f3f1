import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { agent, alice, ask, effect, NOON, parse, schema, type Ask } from '../test/fixtures.js'
import { agentGuard, createEngine } from './index.js'
import { positionAt, tokenise } from './tokens.js'

const severity = { allow: 0, hold: 1, deny: 2 } as const

interface Policy { readonly verb: 'permit' | 'forbid' | 'approval'; readonly principal: string; readonly action: string; readonly resource: string; readonly condition: string }

const scope = {
  principal: fc.constantFrom('principal', 'principal in Group::"ai-agents"', 'principal == User::"alice"', 'principal is Agent'),
  action: fc.constantFrom('action', 'action in Action::"read"', 'action in Action::"write"', 'action == Action::"rec.get"', 'action in [Action::"read", Action::"unrecognised"]'),
  resource: fc.constantFrom('resource', 'resource == Connection::"orders-prod"'),
  condition: fc.constantFrom('', 'when { context has hasWhere && context.hasWhere }', 'unless { context has rows && context.rows + 9223372036854775807 > 0 }', 'when { resource.hasTag("environment") }', 'unless { context.hour < 8 }'),
}
const policyOf = (...verbs: Policy['verb'][]): fc.Arbitrary<Policy> => fc.record({ verb: fc.constantFrom(...verbs), ...scope })
const policies = fc.array(policyOf('permit', 'permit', 'forbid', 'approval'), { maxLength: 6 })

const effects = fc.record({
  action: fc.constantFrom('rec.get', 'rec.set', 'rec.drop', 'rec.unknown'),
  facts: fc.record({ hasWhere: fc.boolean(), rows: fc.constantFrom(-1, 0, 1) }, { requiredKeys: [] }),
  stricter: fc.boolean(),
}).map(({ action, facts, stricter }) => (stricter ? effect(action, facts, 'administer') : effect(action, facts)))
const requests: fc.Arbitrary<Ask> = fc.record({ effects: fc.array(effects, { minLength: 1, maxLength: 3 }), party: fc.constantFrom(agent, alice), chain: fc.subarray([agent, alice]), connection: fc.constantFrom('orders-prod', 'other') })

const textOf = (policy: Policy, id: string): string =>
  `@id("${id}") ${policy.verb === 'approval' ? '@approval("dba") forbid' : policy.verb}(${policy.principal}, ${policy.action}, ${policy.resource}) ${policy.condition};`

const outcome = (set: readonly Policy[], of: Ask) => {
  const parsed = parse(set.map((policy, at) => textOf(policy, `p${at}`)).join('\n'))
  if (set.length > 0) expect(parsed.faults).toEqual([])
  const engine = createEngine(schema, parsed.policies)
  const answer = engine.decide(ask(of), { nowMs: NOON })
  engine.dispose()
  return answer
}

const RUNS = { numRuns: 60 }

test('one more forbid, with or without approval, never makes an answer milder', () => {
  fc.assert(fc.property(policies, policyOf('forbid', 'approval'), requests, (set, forbid, of) => {
    expect(severity[outcome([...set, forbid], of).outcome]).toBeGreaterThanOrEqual(severity[outcome(set, of).outcome])
  }), RUNS)
})

test('one permit less never makes an answer milder', () => {
  fc.assert(fc.property(policies, policyOf('permit'), requests, (set, permit, of) => {
    // A permit that can't be evaluated denies, so without it the answer may well be another one.
    fc.pre(!permit.condition.includes('9223372036854775807'))
    expect(severity[outcome(set, of).outcome]).toBeGreaterThanOrEqual(severity[outcome([...set, permit], of).outcome])
  }), RUNS)
})

test('the answer for several effects and parties is the strictest of the answers for each', () => {
  fc.assert(fc.property(policies, requests, (set, of) => {
    const each = (of.effects ?? []).flatMap((one) => [of.party ?? agent, ...(of.chain ?? [])].map((party) => outcome(set, { ...of, effects: [one], party, chain: [] }).outcome))
    const worst = Math.max(...each.map((name) => severity[name]))
    expect(severity[outcome(set, of).outcome]).toBe(worst)
  }), RUNS)
})

test('an allow names a permit, a hold names what is missing, and nothing unrecognised passes unnamed', () => {
  fc.assert(fc.property(policies, requests, (set, of) => {
    const answer = outcome(set, of)
    const named = answer.policies.map((id) => set[Number(id.slice(1))])
    if (answer.outcome === 'allow') expect(named.every((policy) => policy?.verb === 'permit')).toBe(true)
    if (answer.outcome === 'allow') expect(named.length).toBeGreaterThan(0)
    if (answer.outcome === 'hold') expect(answer.needs.map(({ policy }) => policy)).toEqual(answer.policies)
    if (answer.outcome !== 'deny' && of.effects?.some((one) => one.class === 'unrecognised')) expect(set.some((policy) => policy.verb === 'permit' && policy.action.includes('unrecognised'))).toBe(true)
  }), RUNS)
})

test('any text ends in policies or faults with a place in it, and Cedar still works', () => {
  const pieces = fc.constantFrom('@id("a")', '@approval', 'permit', 'forbid', '(principal, action, resource)', 'when', '{', '}', '(', ')', 'context', '.', 'has', 'hour', '==', '3', '"', '\\', ';', '//', '\n', 'Action::"read"', 'in', '?principal', '&&', '!', 'é', '😀', '\ud800')
  fc.assert(fc.property(fc.array(fc.oneof({ weight: 5, arbitrary: pieces }, fc.string()), { maxLength: 40 }), (parts) => {
    const text = parts.join(' ')
    const lines = text.split('\n')
    for (const fault of parse(text).faults) {
      const line = lines[(fault.line ?? 0) - 1]
      expect(line).toBeDefined()
      expect(fault.column).toBeGreaterThanOrEqual(1)
      expect(fault.column).toBeLessThanOrEqual([...(line ?? '')].length + 1)
    }
    expect(parse('@id("a") permit(principal, action, resource);').faults).toEqual([])
  }), { numRuns: 300 })
})

test('tokens are where they say, and only space and comments are between them', () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom('a', '"', '\\', '/', '\n', ' ', ':', '&', '1', '?', '😀', '_') }), (text) => {
    let end = 0
    for (const token of tokenise(text)) {
      expect(text.slice(token.at, token.at + token.text.length)).toBe(token.text)
      expect(text.slice(end, token.at).replace(/\/\/[^\n\r]*/g, '').trim()).toBe('')
      end = token.at + token.text.length
    }
    expect(positionAt(text, text.length).line).toBe(text.split('\n').length)
  }))
})

test('a guard of any names is valid, or refused for deceptive characters, and holds for its agent alone', () => {
  const name = fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 30 })
  fc.assert(fc.property(name, fc.array(name, { maxLength: 4 }), name, (uid, connections, connection) => {
    const parsed = parse(`@id("all") permit(principal, action, resource);\n${agentGuard({ name: 'x', uid, connections })}`)
    expect(parsed.faults).toEqual([])
    const engine = createEngine(schema, parsed.policies)
    const of = (party: typeof agent, to: string) => engine.decide(ask({ party, connection: to }), { nowMs: NOON }).outcome
    const reached = [connection, ...connections].map((to) => of({ ...agent, uid }, to))
    const free = of({ ...agent, uid: `${uid}x` }, connection)
    engine.dispose()
    expect(reached).toEqual([connections.includes(connection) ? 'allow' : 'deny', ...connections.map(() => 'allow')])
    expect(free).toBe('allow')
  }), RUNS)
})
