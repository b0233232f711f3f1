import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { FrameReader, type FrameRule } from './frames.js'
import { MalformedFrame } from './malformed.js'

interface Seen {
  readonly type: number
  readonly body: string
  readonly skipped: boolean
}

/** Streams `D`, skips `K`, sees everything else whole. */
const rule: FrameRule = (type) => (type === 68 ? 'stream' : type === 75 ? 'skip' : 'whole')

const read = (chunks: readonly Buffer[]): { readonly frames: readonly Seen[]; readonly error: unknown; readonly between: boolean } => {
  const reader = new FrameReader(rule)
  const frames: Seen[] = []
  let pieces: Buffer[] = []
  try {
    for (const chunk of chunks) {
      reader.feed(chunk)
      while (reader.next()) {
        if (reader.first) pieces = []
        pieces.push(Buffer.from(reader.buffer.subarray(reader.start, reader.end)))
        if (!reader.last) continue
        frames.push({ type: reader.type, body: reader.skipped ? '' : Buffer.concat(pieces).toString('hex'), skipped: reader.skipped })
      }
    }
  } catch (error) {
    return { frames, error, between: false }
  }
  return { frames, error: undefined, between: reader.between }
}

const split = (bytes: Buffer, sizes: readonly number[]): Buffer[] => {
  const chunks: Buffer[] = []
  let at = 0
  for (let index = 0; at < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? 1
    chunks.push(Buffer.from(bytes.subarray(at, at + size)))
    at += size
  }
  return chunks
}

const frame = fc.record({ type: fc.constantFrom(66, 68, 75, 90), body: fc.uint8Array({ maxLength: 40 }) }).map(({ type, body }) => {
  const bytes = Buffer.alloc(5 + body.length)
  bytes[0] = type
  bytes.writeInt32BE(4 + body.length, 1)
  bytes.set(body, 5)
  return bytes
})
const sizes = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 8 })

describe('frame reader', () => {
  it('gives the same frames however the bytes are split', () => {
    fc.assert(fc.property(fc.array(frame, { maxLength: 12 }), sizes, (frames, parts) => {
      const whole = Buffer.concat(frames)
      const expected = frames.map((bytes) => ({ type: bytes[0], body: bytes[0] === 75 ? '' : bytes.toString('hex'), skipped: bytes[0] === 75 }))
      expect(read(split(whole, parts)).frames).toEqual(expected)
      expect(read([whole])).toEqual({ frames: expected, error: undefined, between: true })
    }))
  })

  it('ends in frames, need-more or a typed error on any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), sizes, (bytes, parts) => {
      const { error } = read(split(Buffer.from(bytes), parts))
      expect(error === undefined || error instanceof MalformedFrame).toBe(true)
    }))
  })

  it('allocates for the bytes that came, not for the length they claim', () => {
    const before = process.memoryUsage().arrayBuffers
    const readers = Array.from({ length: 200 }, () => {
      const reader = new FrameReader(() => 'whole')
      reader.feed(Buffer.from([66, 0x3f, 0xff, 0xff, 0xff, 1, 2, 3]))
      expect(reader.next()).toBe(false)
      return reader
    })
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024)
    expect(readers.length).toBe(200)
  })
})
