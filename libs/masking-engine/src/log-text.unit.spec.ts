import { describe, expect, test } from '@jest/globals'
import { hideLiterals, maskLogParameter, maskLogText } from './index.js'

const clean = { detection: [], touchesMasked: false }
const touching = { detection: [], touchesMasked: true }
const withPattern = { detection: [{ rule: 'tickets', detectors: [], patterns: [{ name: 'ticket', pattern: 'T-[0-9]+' }], transform: { kind: 'partial' as const, keep: 4 } }], touchesMasked: false }

/** Byte range of a part of a text. */
const rangeOf = (text: string, part: string): [number, number] => {
  const from = Buffer.byteLength(text.slice(0, text.indexOf(part)))
  return [from, from + Buffer.byteLength(part)]
}

describe('hideLiterals', () => {
  test('counts in UTF-8 bytes', () => {
    const text = 'select \'ä\', \'😀x\', \'\' from "Größe" where a = \'b\''
    const ranges = ['\'ä\'', '\'😀x\'', '\'\'', '\'b\''].map((part) => rangeOf(text, part))
    expect(hideLiterals(text, ranges, '?')).toBe('select ?, ?, ? from "Größe" where a = ?')
  })

  test.each<[string, [number, number][]]>([['beyond the end', [[3, 99]]], ['backwards', [[3, 2]]], ['not ascending', [[4, 5], [1, 2]]]])('ranges that are %s hide everything', (_, ranges) => {
    expect(hideLiterals('secret', ranges, '?')).toBe('?')
  })

  test('a range within a character takes all of it', () => {
    expect(hideLiterals('a😀b', [[2, 3]], '?')).toBe('a?b')
  })
})

describe('what the log may hold', () => {
  const text = 'update t set mail = \'bob@example.com\', n = 5 where name = \'Bob\''
  const literals = [rangeOf(text, '\'bob@example.com\''), rangeOf(text, '\'Bob\'')]

  test('detectors run whatever the rules say', () => {
    expect(maskLogText(clean, text, literals, false)).toBe('update t set mail = \'[masked:email]\', n = 5 where name = \'Bob\'')
    expect(maskLogText(clean, 'select 1', [], false)).toBe('select 1')
    expect(maskLogText(withPattern, 'see T-1234', [], false)).toBe('see [masked]')
  })

  test('literals are hidden where masked data is touched', () => {
    expect(maskLogText(clean, text, literals, true)).toBe('update t set mail = \'[masked]\', n = 5 where name = \'[masked]\'')
  })

  test('a statement whose literals are not known keeps what stands before its first quotation mark', () => {
    expect(maskLogText(clean, 'selec name where a = \'Bob\' and b', [], true)).toBe('selec name where a = \'[masked]\'')
    expect(maskLogText(clean, 'do $x$ begin', [], true)).toBe('do \'[masked]\'')
  })

  test('literals that do not fit hide everything', () => {
    expect(maskLogText(clean, text, [[0, 9999]], true)).toBe('[masked]')
  })

  test.each([['t', 't'], ['false', 'false'], ['-42', '-42'], ['12345678901', '12345678901'], ['123456789012', '[masked]'], ['Bob', '[masked]'], ['1.5', '[masked]'], ['', '[masked]']])('the parameter %j is logged as %j where masked data is touched', (value, expected) => {
    expect(maskLogParameter(touching, value)).toBe(expected)
  })

  test('elsewhere detectors run over parameters', () => {
    expect(maskLogParameter(clean, 'Bob')).toBe('Bob')
    expect(maskLogParameter(clean, 'Bob <bob@example.com>')).toBe('Bob <[masked:email]>')
  })
})
