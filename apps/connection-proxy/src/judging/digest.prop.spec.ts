import { createHmac, createSecretKey } from 'node:crypto'
import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { keyedDigest } from './digest.js'

const reference = (key: Uint8Array, parts: readonly (Uint8Array | string)[]): string => {
  const hmac = createHmac('sha256', key)
  for (const part of parts) {
    const bytes = Buffer.from(part)
    const length = Buffer.alloc(4)
    length.writeUInt32BE(bytes.length)
    hmac.update(length).update(bytes)
  }
  return hmac.digest('hex')
}

const part = fc.oneof(fc.string({ unit: 'binary' }), fc.uint8Array(), fc.constantFrom('x'.repeat(70_000), 'ä'.repeat(40_000)))

describe('the keyed digest', () => {
  it('is the HMAC-SHA-256 of the parts with their lengths', () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 32, maxLength: 100 }), fc.array(part, { maxLength: 6 }), (key, parts) => {
      expect(keyedDigest(createSecretKey(key), parts)).toBe(reference(key, parts))
    }))
  })

  it('tells apart what only differs in where its parts end, and keys', () => {
    const one = createSecretKey(Buffer.alloc(32, 1))
    const digests = [keyedDigest(one, ['ab', 'c']), keyedDigest(one, ['a', 'bc']), keyedDigest(one, ['abc']), keyedDigest(createSecretKey(Buffer.alloc(32, 2)), ['abc'])]
    expect(new Set(digests).size).toBe(4)
  })
})
