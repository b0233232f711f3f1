import { describe, expect, test } from '@jest/globals'
import type { ApprovalNeed } from '@sallyport/contracts/policy'
import fc from 'fast-check'
import { need } from '../test/fixtures.js'
import { needsMet, type Supporter } from './needs.js'

const groups = ['dba', 'security', 'owners', 'legal', 'night-shift']
const needsArbitrary = fc.array(fc.record({ group: fc.constantFrom(...groups), count: fc.integer({ min: 1, max: 3 }) }), { minLength: 1, maxLength: 6 })
  .map((list) => list.map(({ group, count }) => need(group, count)))
const supportersArbitrary = fc.array(
  fc.record({ uid: fc.constantFrom(...'abcdefghijklmn'), groups: fc.uniqueArray(fc.constantFrom(...groups), { maxLength: 5 }) }),
  { maxLength: 14 },
)

/** Hall's theorem, word for word: every set of needs has at least as many people as it wants. */
const hall = (needs: readonly ApprovalNeed[], supporters: readonly Supporter[]): boolean => {
  for (let subset = 1; subset < 2 ** needs.length; subset += 1) {
    const chosen = needs.filter((_, index) => (subset >> index) % 2 === 1)
    const wanted = chosen.reduce((sum, { count }) => sum + count, 0)
    const people = new Set(supporters.filter((supporter) => chosen.some(({ group }) => supporter.groups.includes(group))).map(({ uid }) => uid))
    if (people.size < wanted) return false
  }
  return true
}

describe('needs are met', () => {
  test('exactly when each place can have a person of its own', () => {
    const seen = { met: 0, unmet: 0 }
    fc.assert(fc.property(needsArbitrary, supportersArbitrary, (needs, supporters) => {
      const met = needsMet(needs, supporters)
      seen[met ? 'met' : 'unmet'] += 1
      expect(met).toBe(hall(needs, supporters))
    }), { numRuns: 1500 })
    expect(seen.met).toBeGreaterThan(50)
    expect(seen.unmet).toBeGreaterThan(50)
  })

  test('or not, however the people are ordered, and more people never harm', () => {
    fc.assert(fc.property(needsArbitrary, supportersArbitrary, fc.integer(), (needs, supporters, seed) => {
      const shuffled = [...supporters].sort((one, other) => (Math.imul(one.uid.charCodeAt(0), seed | 1) | 0) - (Math.imul(other.uid.charCodeAt(0), seed | 1) | 0))
      expect(needsMet(needs, shuffled)).toBe(needsMet(needs, supporters))
      if (needsMet(needs, supporters)) expect(needsMet(needs, [...supporters, { uid: 'z', groups: ['dba'] }])).toBe(true)
    }), { numRuns: 300 })
  })

  test('also with as many needs and people as can be', () => {
    const needs = Array.from({ length: 16 }, (_, index) => need(`g${index}`, 4))
    const people = Array.from({ length: 64 }, (_, index) => ({ uid: `p${index}`, groups: Array.from({ length: 16 - (index % 16) }, (__, group) => `g${group}`) }))
    expect(needsMet(needs, people)).toBe(true)
    expect(needsMet(needs, people.slice(1))).toBe(false)
  })
})
