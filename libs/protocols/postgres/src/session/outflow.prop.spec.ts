import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { Outflow, type Tap } from './outflow.js'

class Heard implements Tap {
  readonly pieces: Buffer[] = []
  absorb(bytes: Buffer): void {
    this.pieces.push(Buffer.from(bytes))
  }
}

const step = fc.oneof(
  fc.record({ kind: fc.constant('pass' as const), from: fc.nat(9000), count: fc.nat(9000), who: fc.nat(2) }),
  fc.record({ kind: fc.constant('next' as const), count: fc.nat(200), who: fc.nat(2) }),
  fc.record({ kind: fc.constant('field' as const), text: fc.string({ maxLength: 20 }), who: fc.nat(2) }),
  fc.constant({ kind: 'flush' as const }),
  fc.record({ kind: fc.constant('send' as const), text: fc.string({ maxLength: 5 }) }),
)

describe('outflow', () => {
  it('sends everything in order and tells each command exactly its own bytes', () => {
    const source = Buffer.from(Array.from({ length: 20_000 }, (_, index) => index % 251))
    fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const sent: Buffer[] = []
      const taps = [new Heard(), new Heard()]
      const expected: Buffer[] = []
      const own: Buffer[][] = [[], []]
      const out = new Outflow((bytes) => sent.push(Buffer.from(bytes)))
      let at = 0
      const took = (bytes: Buffer, who: number): void => {
        expected.push(Buffer.from(bytes))
        own[who]?.push(Buffer.from(bytes))
      }
      for (const one of steps) {
        if (one.kind === 'flush') out.flush()
        else if (one.kind === 'send') {
          out.send(Buffer.from(one.text))
          expected.push(Buffer.from(one.text))
        } else if (one.kind === 'field') {
          const bytes = Buffer.from(one.text)
          if (!out.asciiField(one.text, taps[one.who])) out.field(bytes, taps[one.who])
          const length = Buffer.alloc(4)
          length.writeInt32BE(bytes.length)
          took(Buffer.concat([length, bytes]), one.who)
        } else {
          const from = one.kind === 'pass' ? one.from : at
          out.pass(source, from, from + one.count, taps[one.who])
          took(source.subarray(from, from + one.count), one.who)
          at = from + one.count
          if (at > 15_000) at = 0
        }
      }
      out.flush()
      expect(Buffer.concat(sent).equals(Buffer.concat(expected))).toBe(true)
      taps.forEach((tap, index) => expect(Buffer.concat(tap.pieces).equals(Buffer.concat(own[index] ?? []))).toBe(true))
    }))
  })
})
