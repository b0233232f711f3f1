import { describe, expect, test } from '@jest/globals'
import { detectorIds, type MaskPlanReply, type Transform } from '@sallyport/contracts/masking'
import fc from 'fast-check'
import { createScanner } from './detectors/detect.js'
import { luhn } from './detectors/credit-card.js'
import { compilePlan, hideLiterals, maskLogText } from './index.js'

const hashKey = Buffer.alloc(32, 7).toString('base64')
const plan = (transform: Transform, detectors: MaskPlanReply['detection'][number]['detectors'] = [...detectorIds], patterns: { name: string; pattern: string }[] = []) =>
  compilePlan({ revision: 1, outputs: [{ kind: 'pass' }], detection: [{ rule: 'r', detectors, patterns, transform }], touchesMasked: false, columnRules: false, hashKey })

const digit = fc.integer({ min: 0, max: 9 })
/** A card number: a prefix in use, digits, and the check digit. */
const card = fc.tuple(fc.constantFrom('4', '51', '55', '2221', '2720'), fc.array(digit, { minLength: 15, maxLength: 15 })).map(([prefix, rest]) => {
  const digits = [...[...prefix].map(Number), ...rest].slice(0, 15)
  const check = Array.from({ length: 10 }, (_, last) => last).find((last) => luhn([...digits, last], 0, 16))
  return [...digits, check].join('')
})
const separated = fc.tuple(card, fc.constantFrom('', ' ', '-', '\u00a0', '  ')).map(([number, separator]) => number.match(/.{4}/g)!.join(separator))
/** Any text that doesn't continue the number. */
const beside = fc.string({ unit: 'grapheme', maxLength: 40 }).map((text) => text.replaceAll(/[\d.]/g, '#'))

describe('masking, of any text', () => {
  test('a card number is found in any context, and no masked text shows it', () => {
    const kinds: Transform[] = [{ kind: 'redact' }, { kind: 'hash' }, { kind: 'partial', keep: 4 }]
    fc.assert(fc.property(beside, separated, beside, fc.constantFrom(...kinds), (before, number, after, transform) => {
      const masked = plan(transform, ['credit_card']).outputs[0]!.mask.apply(`${before}${number}${after}`)
      expect(masked).not.toBeUndefined()
      expect(masked).not.toContain(number)
      expect(masked!.startsWith(before)).toBe(true)
      expect(masked!.endsWith(after)).toBe(true)
    }))
  })

  test('an address is found between any two spaces', () => {
    const local = fc.stringMatching(/^[a-z0-9][a-z0-9._+-]{0,20}[a-z0-9]$/)
    const domain = fc.stringMatching(/^[a-z]{1,10}\.[a-z]{2,6}$/)
    fc.assert(fc.property(fc.string(), local, domain, fc.string(), (before, name, host, after) => {
      const masked = plan({ kind: 'redact' }, ['email']).outputs[0]!.mask.apply(`${before} ${name}@${host} ${after}`)
      expect(masked).toContain(' [masked:r] ')
    }))
  })

  test('what is not found is kept unit for unit, and finds lie within the text', () => {
    const scan = createScanner(detectorIds)
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      for (const { from, to } of scan(text) ?? []) {
        expect(from).toBeGreaterThanOrEqual(0)
        expect(to).toBeGreaterThan(from)
        expect(to).toBeLessThanOrEqual(text.length)
      }
    }))
  })

  test('bytes of hidden literals never come back, wherever they stand', () => {
    const piece = fc.string({ unit: 'grapheme', maxLength: 20 })
    fc.assert(fc.property(piece, piece, piece, (before, secret, after) => {
      const from = Buffer.byteLength(before)
      const to = from + Buffer.byteLength(secret)
      expect(hideLiterals(before + secret + after, [[from, to]], '?')).toBe(`${before}?${after}`)
    }))
  })
})

describe('hostile texts end', () => {
  const million = 1_000_000
  const hostile: [string, string][] = [
    'a@', '@', '1 ', '4111 1111 ', '9', 'a', 'aB3', 'ey', 'eyJ.', 'password=', 'password="', 'pass', 'token: ', '://a:', '-----BEGIN RSA PRIVATE KEY-----', '-----END PRIVATE KEY-----',
    '-----BEGIN ', 'AKIA', 'AKIAIOSFODNN7EXAMPLE ', '"', '\'', '(', '=(', ': ', ' \t', 'ssn ', '12345678-', 'a.b', '%40', '\ud83d', 'é', 'X-', 'bearer ', '123-45-',
  ].map((unit) => [unit, unit.repeat(Math.ceil(million / unit.length))])
  const all = plan({ kind: 'redact' })
  test.each(hostile)('a million characters of %j', (_, text) => {
    all.freeText(text)
    maskLogText({ detection: [], touchesMasked: true }, text, [], true)
  })

  test('a user\'s pattern that looks ahead to the end for each match', () => {
    const masked = plan({ kind: 'redact' }, [], [{ name: 'p', pattern: 'a.*b|a' }]).outputs[0]!.mask.apply('a'.repeat(50_000))
    expect(masked).not.toContain('aaaa')
  })
})
