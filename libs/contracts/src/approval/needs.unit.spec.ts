import { describe, expect, test } from '@jest/globals'
import { needsCovered } from './needs.js'

const need = (policy: string, group: string, count = 1) => ({ policy, group, count, expiresMs: 1000, park: false })

describe('approvals given earlier', () => {
  test.each([
    ['the same needs', [need('p', 'dba')], [need('p', 'dba')], true],
    ['another order and other waits', [need('p', 'dba'), need('q', 'security')], [{ ...need('q', 'security'), expiresMs: 5 }, need('p', 'dba')], true],
    ['nothing any more', [need('p', 'dba')], [], true],
    ['fewer people', [need('p', 'dba', 2)], [need('p', 'dba')], true],
    ['more people', [need('p', 'dba')], [need('p', 'dba', 2)], false],
    ['the same need twice', [need('p', 'dba')], [need('p', 'dba'), need('p', 'dba')], false],
    ['another group', [need('p', 'dba')], [need('p', 'security')], false],
    ['a further policy', [need('p', 'dba')], [need('p', 'dba'), need('q', 'dba')], false],
  ])('where the policies now want %s', (_, approved, today, covered) => {
    expect(needsCovered(approved, today)).toBe(covered)
  })
})
