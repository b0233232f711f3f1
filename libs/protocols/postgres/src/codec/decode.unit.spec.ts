import { describe, expect, it } from '@jest/globals'
import { decodeRowDescription } from './decode.js'
import { int16, message } from './encode.js'
import { MalformedFrame } from './malformed.js'
import { backend } from './types.js'

const read = (frame: Buffer): unknown => decodeRowDescription(frame, 0, frame.length, (bytes) => bytes.toString('utf8'))
const field = Buffer.concat([Buffer.from('c\0'), Buffer.alloc(18)])

describe('RowDescription', () => {
  it.each([65_535, 40_000, 32_767, 2])('of %d columns that aren\'t there is malformed, and nothing is made for them', (claimed) => {
    expect(() => read(message(backend.rowDescription, int16((claimed << 16) >> 16), field))).toThrow(MalformedFrame)
  })

  it('has as many columns as it says, up to the 1,664 of a target list', () => {
    for (const count of [0, 1, 1664]) expect(read(message(backend.rowDescription, int16(count), ...Array.from({ length: count }, () => field)))).toHaveLength(count)
    for (const count of [1665, 32_767]) expect(() => read(message(backend.rowDescription, int16(count), ...Array.from({ length: count }, () => field)))).toThrow('more columns than a result can have')
  })
})
