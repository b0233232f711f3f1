import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { decodeFrames, encodeFrames, MalformedRecording, recordedKinds, type RecordedFrame } from './index.js'

const frames = fc.array(fc.record({ kind: fc.constantFrom(...recordedKinds), waitMs: fc.nat(10_000_000), bytes: fc.uint8Array({ maxLength: 300 }) }), { maxLength: 40 })
  .map((list) => {
    let atMs = 0
    return list.map(({ kind, waitMs, bytes }): RecordedFrame => ({ kind, bytes, atMs: (atMs += waitMs) }))
  })
const plain = (list: readonly RecordedFrame[]) => list.map(({ kind, atMs, bytes }) => ({ kind, atMs, bytes: [...bytes] }))

test('frames come back as they were, in chunks cut anywhere', () => {
  fc.assert(fc.property(frames, fc.nat(40), (list, cut) => {
    const [one, two] = [list.slice(0, cut), list.slice(cut)]
    const sinceMs = one.at(-1)?.atMs ?? 0
    expect(plain([...decodeFrames(encodeFrames(one, 0), 0), ...decodeFrames(encodeFrames(two, sinceMs), sinceMs)])).toEqual(plain(list))
  }))
})

test('a chunk that somebody else wrote is read as frames or refused, and nothing else', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
    try {
      const total = decodeFrames(bytes, 0).reduce((sum, frame) => sum + frame.bytes.length, 0)
      expect(total).toBeLessThanOrEqual(bytes.length)
    } catch (error) {
      expect(error).toBeInstanceOf(MalformedRecording)
    }
  }))
})
