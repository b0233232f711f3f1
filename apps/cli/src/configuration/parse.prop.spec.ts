import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { parseConfiguration } from './parse.js'

const pieces = fc.constantFrom(
  'apiVersion: sallyport/v1\n', 'kind: Connection\n', 'kind: Agent\n', 'metadata: { name: a }\n', 'metadata: { name: a, labels: {} }\n', 'spec:\n', '  protocol: postgres\n', '  target: { host: h, port: 1 }\n',
  '  credentials: { username: u, password: { value: x } }\n', '---\n', '...\n', '&a ', '*a', '<<: ', '!!binary ', '? ', ': ', '- ', '[', ']', '{', '}', '"', '\'', '|\n', '>-\n', '\t', '\0', '\u2028', '%YAML 1.1\n', '__proto__: ', 'constructor: ', 'toString', '#', '\r\n',
)
const texts = fc.oneof(fc.string({ unit: 'binary', maxLength: 200 }), fc.array(pieces, { maxLength: 40 }).map((parts) => parts.join('')))

describe('any text', () => {
  test('is read without a crash, and its faults name the file', () => {
    fc.assert(fc.property(texts, fc.constantFrom('a.yaml', 'a.cedar', 'A.cedar'), (text, path) => {
      const { faults } = parseConfiguration([{ path, text }])
      for (const fault of faults) expect(fault).toMatchObject({ file: path, message: expect.any(String) })
    }), { numRuns: 500 })
  })

  test.each([['[', 100_000], ['{a: ', 20_000], ['- ', 50_000], ['? ', 50_000]])('nests as deep as it likes: %s', (opening, times) => {
    expect(parseConfiguration([{ path: 'a.yaml', text: opening.repeat(times) }]).faults).not.toEqual([])
  })

  test('is read up to a size', () => {
    expect(parseConfiguration([{ path: 'a.yaml', text: ' '.repeat(2 * 1024 * 1024) }]).faults).toMatchObject([{ message: expect.stringContaining('too large') }])
  })
})
