import { describe, expect, it } from '@jest/globals'
import { int32, startupMessage } from './encode.js'
import { MalformedFrame } from './malformed.js'
import { parseStartup, startupLength } from './startup.js'

const packet = (...body: readonly Uint8Array[]): Buffer => {
  const bytes = Buffer.concat(body)
  return Buffer.concat([int32(bytes.length + 4), bytes])
}
const text = (value: string): Buffer => Buffer.from(value, 'latin1')

describe('start-up packets', () => {
  it('reads what it writes', () => {
    expect(parseStartup(startupMessage([['user', 'a'], ['database', 'b c']]))).toEqual({ kind: 'startup', version: 0x30000, parameters: new Map([['user', 'a'], ['database', 'b c']]) })
  })

  it.each([
    ['no terminator', packet(int32(0x30000), text('user\0a\0'))],
    ['a name without value', packet(int32(0x30000), text('user\0'))],
    ['bytes behind the terminator', packet(int32(0x30000), text('user\0a\0\0x'))],
    ['a parameter given twice', packet(int32(0x30000), text('user\0a\0user\0b\0\0'))],
    ['a cancel key that is too short', packet(int32(80877102), int32(1))],
    ['a cancel key that is too long', packet(int32(80877102), Buffer.alloc(261))],
  ])('refuses %s', (_, bytes) => {
    expect(() => parseStartup(bytes)).toThrow(MalformedFrame)
  })

  it.each([0, 7, 10_001, -1, 0x7fffffff])('refuses the length %d before reading more', (length) => {
    expect(() => startupLength(int32(length))).toThrow(MalformedFrame)
  })

  it('takes cancel keys of both protocol versions', () => {
    expect(parseStartup(packet(int32(80877102), Buffer.alloc(8, 1)))).toEqual({ kind: 'cancel', key: Buffer.alloc(8, 1) })
    expect(parseStartup(packet(int32(80877102), Buffer.alloc(260, 1)))).toEqual({ kind: 'cancel', key: Buffer.alloc(260, 1) })
  })

  it('names versions that it does not speak', () => {
    expect(parseStartup(packet(int32(0x20000)))).toEqual({ kind: 'unsupported', major: 2, minor: 0 })
  })
})
