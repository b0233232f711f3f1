import { beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { lex } from './lexer.js'
import { lexText, scannedRanges } from './literals.js'
import { loadRecogniser, scan } from './parser.js'

beforeAll(loadRecogniser)

const pieces = [
  "'", "'", "''", '"', '$$', '$a$', '$é$', '$1', '$', '\\', "\\'", 'E', 'e', 'B', 'x', 'n', 'U&', 'u&', '--', '/*', '*/', '\n', '\r', ' ', '\t', '\f', '1', '12345678901234', '1_000_000_000_000',
  '.', '..', '1.5e10', '0x1F', 'abc', 'é', '"a"', "'a'", "E'a'", '+', '-', '*', '/', ';', ':', '::', '&', '@', '(', ')', 'select', 'as',
]
const text = fc.oneof(fc.array(fc.constantFrom(...pieces), { maxLength: 30 }).map((parts) => parts.join('')), fc.array(fc.constantFrom(...pieces), { maxLength: 30 }).map((parts) => parts.join(' ')))

describe('the lexer', () => {
  it('finds the literals that PostgreSQL\'s own scanner finds', () => {
    let compared = 0
    fc.assert(fc.property(text, (value) => {
      const bytes = Buffer.from(value)
      const tokens = scan(value)
      if (tokens === undefined) return
      compared += 1
      expect(lexText(bytes, 1000).literals).toEqual(scannedRanges(bytes, tokens))
    }), { numRuns: 5000 })
    expect(compared).toBeGreaterThan(500)
  })

  it('never stands still, and gives tokens in order', () => {
    fc.assert(fc.property(fc.oneof(text, fc.string({ unit: 'binary' })), (value) => {
      const latin = Buffer.from(value).toString('latin1')
      let at = 0
      lex(latin, 0, latin.length, (_, start, end) => {
        expect(start >= at && end > start && end <= latin.length).toBe(true)
        at = end
        return undefined
      })
    }))
  })

  it('canary: a lexer that ignores escapes is found out', () => {
    const naive = (value: string): readonly (readonly [number, number])[] => [...Buffer.from(value).toString('latin1').matchAll(/'(?:[^']|'')*'/g)].map((match) => [match.index, match.index + match[0].length])
    const wrong = fc.property(text, (value) => {
      const tokens = scan(value)
      return tokens === undefined || JSON.stringify(naive(value)) === JSON.stringify(scannedRanges(Buffer.from(value), tokens))
    })
    expect(fc.check(wrong, { numRuns: 3000 }).failed).toBe(true)
  })
})
