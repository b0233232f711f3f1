import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { ReportFilter } from './report-filter.js'
import { reportMarks } from './wrapped-line.js'

const NONCE = '0123456789abcdef'
const { begin, end } = reportMarks(NONCE)
const plain = fc.string({ unit: fc.constantFrom('a', '\x1b', '_', '0', ':', '\n', '\\', NONCE.slice(0, 3)), maxLength: 30 })

const through = (text: string, cuts: readonly number[]): { readonly out: string; readonly texts: readonly string[] } => {
  const filter = new ReportFilter(NONCE)
  const bytes = Buffer.from(text)
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((one, other) => one - other), bytes.length]
  const out = at.slice(1).map((to, index) => filter.write(bytes.subarray(at[index], to)))
  return { out: Buffer.concat([...out, filter.end()]).toString(), texts: filter.texts }
}

describe('the filter of reports', () => {
  test('takes out what is reported and nothing else, however the output is split', () => {
    fc.assert(fc.property(fc.array(fc.tuple(plain, plain), { maxLength: 4 }), plain, fc.array(fc.nat(500), { maxLength: 8 }), (parts, last, cuts) => {
      const text = parts.map(([outside, inside]) => outside + begin + inside + end).join('') + last
      expect(through(text, cuts)).toEqual({ out: parts.map(([outside]) => outside).join('') + last, texts: parts.map(([, inside]) => inside) })
    }))
  })

  test('lets go of what only looked like a mark, and of nothing that is inside one', () => {
    expect(through(`a${begin.slice(0, 5)}`, []).out).toBe(`a${begin.slice(0, 5)}`)
    expect(through(`a${begin}half a report`, [])).toEqual({ out: 'a', texts: [] })
  })

  test('holds a report of any length in bounded memory, and makes nothing of it', () => {
    expect(through(`${begin}${'x'.repeat(300_000)}${end}b`, [1000, 200_000])).toEqual({ out: 'b', texts: [''] })
  })
})
