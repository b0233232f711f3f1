import { describe, expect, test } from '@jest/globals'
import { maskingRuleSpecSchema } from '@sallyport/contracts/masking'
import { customDetector } from './custom-patterns.js'
import type { Span } from './detectors/span.js'
import { patternFault, previewRule, ruleFaults } from './index.js'

describe('patterns of the user\'s own', () => {
  test.each([['(', /missing closing/], ['(a)\\1', /escape|backreference/i], ['(?:(?:a{1,100}){1,10}){1,10}', /repeat|instructions/i], ['a*', /empty/]])('%j is refused, and it is said why', (pattern, why) => {
    expect(patternFault(pattern)).toMatch(why)
  })

  test('finds are the same wherever they stand in a long text', () => {
    const find = customDetector('T-[0-9]{4}')
    const positions = [0, 3070, 4094, 6140, 12_000]
    const text = [...'x'.repeat(12_010)]
    for (const position of positions) text.splice(position, 6, ...'T-1234')
    const found: Span[] = []
    find(text.join(''), found)
    expect([...new Set(found.map(({ from }) => from))]).toEqual(positions)
    expect(found.every(({ from, to }) => to - from === 6)).toBe(true)
  })

  test('faults of a rule name its place and field', () => {
    const spec = maskingRuleSpecSchema.parse({ connections: { names: ['a'] }, patterns: [{ name: 'ok', pattern: 'x' }, { name: 'bad', pattern: '[' }] })
    expect(ruleFaults({ name: 'r', spec, managedBy: 'git', version: 1, file: 'masking.yaml', line: 7 })).toEqual([expect.objectContaining({ file: 'masking.yaml', line: 7, field: 'spec.patterns[1].pattern' })])
    const idle = maskingRuleSpecSchema.parse({ connections: { names: ['a'] } })
    expect(ruleFaults({ name: 'r', spec: idle, managedBy: 'api', version: 1 })).toEqual([expect.objectContaining({ field: 'spec' })])
  })
})

test('a preview says what a rule makes of samples, and what masked them', () => {
  const spec = maskingRuleSpecSchema.parse({ connections: { names: ['a'] }, columns: ['public.customers.email'], detect: ['email', 'credit_card'], patterns: [{ name: 'ticket', pattern: 'T-[0-9]+' }], transform: { kind: 'partial', keep: 4 } })
  expect(previewRule(spec, [
    { column: 'public.customers.email', value: 'not an address' },
    { column: 'customers.email', value: 'x' },
    { column: 'orders.email', value: 'x' },
    { value: 'bob@example.com about T-12345678' },
  ], Buffer.alloc(32).toString('base64'))).toEqual([
    { value: '**********ress', masked: true, by: ['column'] },
    { value: '*', masked: true, by: ['column'] },
    { value: 'x', masked: false, by: [] },
    { value: '***********.com about ******5678', masked: true, by: ['email', 'ticket'] },
  ])
})
