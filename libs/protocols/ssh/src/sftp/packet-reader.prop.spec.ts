import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Refusal } from '@sallyport/protocol-kit'
import { PacketReader } from './packet-reader.js'
import { packetOf } from './packets.js'
import { requestOf } from './requests.js'

const packet = fc.tuple(fc.integer({ min: 1, max: 255 }), fc.uint8Array({ minLength: 4, maxLength: 200 })).map(([type, raw]) => packetOf(type, { raw }))

const cut = (bytes: Buffer, at: readonly number[]): Buffer[] => {
  const borders = [...new Set([0, ...at.map((position) => position % (bytes.length + 1)), bytes.length])].sort((one, other) => one - other)
  return borders.slice(1).map((to, index) => bytes.subarray(borders[index], to))
}

describe('packets', () => {
  test('are the same however the stream is cut', () => {
    fc.assert(fc.property(fc.array(packet, { maxLength: 10 }), fc.array(fc.nat(), { maxLength: 30 }), (packets, at) => {
      const reader = new PacketReader(1024)
      const read = cut(Buffer.concat(packets), at).flatMap((chunk) => [...reader.push(chunk)])
      expect(read.map((each) => each.toString('hex'))).toEqual(packets.map((each) => each.toString('hex')))
      expect(reader.midway).toBe(false)
    }))
  })

  test('byte by byte too, and what is cut off is noticed', () => {
    const bytes = packetOf(5, 7, 'name')
    const reader = new PacketReader(1024)
    const read = [...bytes.subarray(0, -1)].flatMap((byte) => [...reader.push(Buffer.from([byte]))])
    expect(read).toEqual([])
    expect(reader.midway).toBe(true)
    expect([...reader.push(bytes.subarray(-1))]).toEqual([bytes])
  })

  test.each([0, 4, 1025, 0xffffffff])('a length of %d is refused before anything of it has come', (length) => {
    const head = Buffer.alloc(4)
    head.writeUInt32BE(length)
    expect(() => [...new PacketReader(1024).push(head)]).not.toThrow(RangeError)
    expect(() => [...new PacketReader(1024).push(Buffer.concat([head, Buffer.from([1])]))]).toThrow(Refusal)
  })

  test('any bytes are a request or a refusal', () => {
    fc.assert(fc.property(packet, (bytes) => {
      try {
        expect(requestOf(bytes).id).toBe(bytes.readUInt32BE(5))
      } catch (thrown) {
        expect(thrown).toMatchObject({ code: 'malformed' })
      }
    }), { numRuns: 1000 })
  })

  test.each([
    ['a field longer than its packet', packetOf(3, 1, { raw: Buffer.from([0, 0, 1, 0, 97]) })],
    ['more than belongs to it', packetOf(13, 1, '/a', { raw: Buffer.from([0]) })],
    ['a path that is no text', packetOf(13, 1, { raw: Buffer.from([0, 0, 0, 1, 0xff]) })],
    ['a path with a NUL', packetOf(13, 1, '/a\0b')],
    ['a path that is too long', packetOf(13, 1, 'a'.repeat(4097))],
  ])('%s is refused', (_what, bytes) => {
    expect(() => requestOf(bytes)).toThrow(Refusal)
  })

  test('flags and extensions that are not known are no request that goes on', () => {
    expect(requestOf(packetOf(3, 1, '/a', 0x40, 0))).toMatchObject({ kind: 'unknown' })
    expect(requestOf(packetOf(200, 1, 'copy-data', '', 0n, 0n, '', 0n))).toEqual({ kind: 'unknown', id: 1, name: 'copy-data' })
    expect(requestOf(packetOf(99, 1))).toMatchObject({ kind: 'unknown' })
  })
})
