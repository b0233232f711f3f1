import { expect, test } from '@jest/globals'
import { ask, NOON, parse, schema } from '../test/fixtures.js'
import { cedar } from './cedar.js'
import { createEngine, engineBroken, PolicyEngineError } from './index.js'

// Breaks Cedar for this file on purpose: the canary of the bounds in limits.ts. When it no longer breaks, they can go.
test('a text beyond the bounds breaks Cedar, and then everything is denied', () => {
  const { policies } = parse('@id("all") permit(principal, action, resource);')
  const engine = createEngine(schema, policies)
  expect(engine.decide(ask({}), { nowMs: NOON }).outcome).toBe('allow')
  expect(engineBroken()).toBe(false)

  const brackets = 20_000
  expect(() => cedar.policyToJson(`permit(principal, action, resource) when { ${'('.repeat(brackets)}true${')'.repeat(brackets)} };`)).toThrow(PolicyEngineError)
  expect(engineBroken()).toBe(true)
  expect(engine.decide(ask({}), { nowMs: NOON })).toMatchObject({ outcome: 'deny', policies: [], reason: 'rec.get on orders-prod is refused: the policy engine broke' })
  expect(() => parse('@id("b") permit(principal, action, resource);')).toThrow(PolicyEngineError)
  expect(() => createEngine(schema, policies)).toThrow(PolicyEngineError)
})
