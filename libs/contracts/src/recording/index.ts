/**
 * What a command streamed, as frames: `varint(4 × milliseconds since the frame before + kind)`, `varint(length)`, and so many bytes.
 * A varint is little-endian groups of seven bits, the highest bit set on all but the last (as in Protocol Buffers).
 */
export const recordedKinds = ['output', 'error', 'input', 'resize'] as const
export type RecordedKind = (typeof recordedKinds)[number]

/** `atMs`: since the command began. `resize` holds `<columns>x<rows>` in ASCII. */
export interface RecordedFrame {
  readonly kind: RecordedKind
  readonly atMs: number
  readonly bytes: Uint8Array
}

/** What comes back from a chunk that is no list of frames: someone else wrote it. */
export class MalformedRecording extends Error {
  override readonly name = 'MalformedRecording'
  readonly code = 'malformed-recording'
}

const VARINT_BYTES_MAX = 7

const varint = (value: number): number[] => {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80)
  bytes.push(rest)
  return bytes
}

/** Frames of one chunk; `sinceMs` is the time of the last frame of the chunk before it, 0 in the first. */
export const encodeFrames = (frames: readonly RecordedFrame[], sinceMs: number): Uint8Array => {
  let last = sinceMs
  const parts = frames.map(({ kind, atMs, bytes }) => {
    const delta = Math.max(0, Math.round(atMs) - last)
    last += delta
    return { head: [...varint(delta * recordedKinds.length + recordedKinds.indexOf(kind)), ...varint(bytes.length)], bytes }
  })
  const encoded = new Uint8Array(parts.reduce((sum, part) => sum + part.head.length + part.bytes.length, 0))
  let at = 0
  for (const { head, bytes } of parts) {
    encoded.set(head, at)
    encoded.set(bytes, at + head.length)
    at += head.length + bytes.length
  }
  return encoded
}

/** The frames of one chunk, without a copy of their bytes. Throws {@link MalformedRecording}. */
export const decodeFrames = (encoded: Uint8Array, sinceMs: number): RecordedFrame[] => {
  const frames: RecordedFrame[] = []
  let at = 0
  let atMs = sinceMs
  const number = (): number => {
    let value = 0
    for (let index = 0; index < VARINT_BYTES_MAX; index += 1) {
      const byte = encoded[at]
      if (byte === undefined) throw new MalformedRecording('a recording ends within a number')
      at += 1
      value += (byte & 0x7f) * 2 ** (7 * index)
      if (byte < 0x80) return value
    }
    throw new MalformedRecording('a number in a recording is too long')
  }
  while (at < encoded.length) {
    const tag = number()
    const length = number()
    if (length > encoded.length - at) throw new MalformedRecording('a frame is longer than its recording')
    atMs += Math.floor(tag / recordedKinds.length)
    frames.push({ kind: recordedKinds[tag % recordedKinds.length]!, atMs, bytes: encoded.subarray(at, at + length) })
    at += length
  }
  return frames
}
