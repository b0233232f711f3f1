import { expect, test } from '@jest/globals'
import { containsPlaceholder } from '@sallyport/protocol-kit'
import fc from 'fast-check'
import { WrittenMaskScan } from './written-masks.js'

const piece = fc.oneof(fc.string(), fc.constantFrom('[masked:pii]', '[mask', 'ed]', '[hash:', 'abcdefghijklmnopqrstuv]', '[masked:', ']', `[masked:${'x'.repeat(63)}]`, 'x'.repeat(200)))

test('a placeholder in a stream is found however the stream is cut', () => {
  fc.assert(fc.property(fc.array(piece, { maxLength: 8 }), fc.array(fc.nat(30), { minLength: 1, maxLength: 40 }), (pieces, cuts) => {
    const all = Buffer.from(pieces.join(''))
    const scan = new WrittenMaskScan()
    let found = false
    for (let at = 0, index = 0; at < all.length; index += 1) {
      const next = at + 1 + (cuts[index % cuts.length] ?? 0)
      found ||= scan.finds(all.subarray(at, next))
      at = next
    }
    expect(found).toBe(containsPlaceholder(all))
  }))
})
