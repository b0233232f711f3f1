import { describe, expect, test } from '@jest/globals'
import { containsPlaceholder, placeholderBytesMax } from './index.js'

describe('placeholders of masks are recognised', () => {
  test.each(['[masked]', 'a [masked:customer-pii] b', `[hash:${'aB3_-'.repeat(4)}xy]`, '[masked:[masked:a]', `[masked:${'r'.repeat(63)}]`, '{"e":"[masked:x]"}', '[hash:x] [masked]'])('%s', (text) => {
    expect(containsPlaceholder(text)).toBe(true)
    expect(containsPlaceholder(Buffer.from(`\0\x01\xff${text}é`))).toBe(true)
  })

  test.each(['', 'masked', '[mask]', '[masked', '[masked:]', '[masked:A b]', '[hash:short]', '****1234', '[ masked ]', `[masked:${'r'.repeat(64)}]`])('not: %s', (text) => {
    expect(containsPlaceholder(text)).toBe(false)
    expect(containsPlaceholder(Buffer.from(text))).toBe(false)
  })

  test('none is longer than the limit', () => {
    expect(placeholderBytesMax).toBe(`[masked:${'r'.repeat(63)}]`.length)
  })
})
