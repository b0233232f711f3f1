import { CONTROL_STRING_BYTES_MAX, CSI_BYTES_MAX, UNIT_BYTES_MAX } from './limits.js'

/** A control sequence's bytes `[from, to)`; `text`: it carries a string (a window's title, a link). */
export interface Control {
  readonly from: number
  readonly to: number
  readonly text: boolean
}

/** Bytes as detectors see them. */
export interface View {
  readonly text: string
  /** Position in the bytes at which each UTF-16 unit starts, and at which it ends; undefined: one byte each from `base` on. */
  readonly map: { readonly starts: Int32Array; readonly ends: Int32Array } | undefined
  readonly base: number
  readonly controls: readonly Control[]
  /** Where a control sequence starts that isn't finished, or -1. */
  readonly open: number
}

const ESC = 0x1b
const BACKSPACE = 0x08
const UNKNOWN = 0xfffd
const none: readonly Control[] = []

const units = new Uint16Array(UNIT_BYTES_MAX)
const starts = new Int32Array(UNIT_BYTES_MAX)
const ends = new Int32Array(UNIT_BYTES_MAX)

/** Printable ASCII and blanks only: nothing to decode, nothing to skip. */
export const isPlain = (bytes: Uint8Array, from: number, to: number): boolean => {
  for (let index = from; index < to; index += 1) {
    const byte = bytes[index]!
    if (byte > 0x7e || (byte < 0x20 && (byte < 0x09 || byte > 0x0d))) return false
  }
  return true
}

const isContinuation = (byte: number | undefined): boolean => byte !== undefined && (byte & 0xc0) === 0x80

/** The code point at `index` and its width; bytes that are not UTF-8 (RFC 3629) are unknown characters of one byte each. */
const decode = (bytes: Uint8Array, index: number, to: number): { point: number; width: number } => {
  const lead = bytes[index]!
  if (lead < 0x80) return { point: lead, width: 1 }
  const width = lead >= 0xc2 && lead <= 0xdf ? 2 : (lead & 0xf0) === 0xe0 ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 1
  if (width === 1 || index + width > to) return { point: UNKNOWN, width: 1 }
  let point = lead & (0xff >> (width + 1))
  for (let next = 1; next < width; next += 1) {
    if (!isContinuation(bytes[index + next])) return { point: UNKNOWN, width: 1 }
    point = (point << 6) | (bytes[index + next]! & 0x3f)
  }
  const valid = width === 2 || (width === 3 ? point >= 0x800 && (point < 0xd800 || point > 0xdfff) : point >= 0x10000 && point <= 0x10ffff)
  return valid ? { point, width } : { point: UNKNOWN, width: 1 }
}

const UNFINISHED = -1
const NOT_ONE = 0

/** End of a CSI sequence whose parameters start at `at` (ECMA-48 section 5.4). */
const csiEnd = (bytes: Uint8Array, at: number, to: number): number => {
  const last = Math.min(to, at + CSI_BYTES_MAX)
  for (let index = at; index < last; index += 1) {
    const byte = bytes[index]!
    if (byte >= 0x40 && byte <= 0x7e) return index + 1
    if (byte < 0x20 || byte > 0x7e) return NOT_ONE
  }
  return last === to ? UNFINISHED : NOT_ONE
}

/** End of a control string (ECMA-48 section 5.6), up to ST, or BEL as xterm has it. One with a line end in it is none. */
const stringEnd = (bytes: Uint8Array, at: number, to: number): number => {
  const last = Math.min(to, at + CONTROL_STRING_BYTES_MAX)
  for (let index = at; index < last; index += 1) {
    const byte = bytes[index]!
    if (byte === 0x07) return index + 1
    if (byte === ESC) return index + 1 === to ? UNFINISHED : bytes[index + 1] === 0x5c ? index + 2 : NOT_ONE
    // Any other control character of the upper half begins something new; so that hostile bytes aren't gone through again and again.
    if (byte === 0xc2 && bytes[index + 1]! < 0xa0) return bytes[index + 1] === 0x9c ? index + 2 : NOT_ONE
    if (byte === 0x0a || byte === 0x18 || byte === 0x1a) return NOT_ONE
  }
  return last === to ? UNFINISHED : NOT_ONE
}

const isStringIntroducer = (byte: number): boolean => byte === 0x5d || byte === 0x50 || byte === 0x58 || byte === 0x5e || byte === 0x5f

/** End of the sequence that the byte `introducer` behind ESC, or its C1 form, starts; `at` is behind it. */
const sequenceEnd = (bytes: Uint8Array, introducer: number, at: number, to: number): number => {
  if (introducer === 0x5b) return csiEnd(bytes, at, to)
  if (isStringIntroducer(introducer)) return stringEnd(bytes, at, to)
  if (introducer < 0x20 || introducer > 0x7e) return NOT_ONE
  let index = at
  if (introducer > 0x2f) return index
  while (index < to && bytes[index]! >= 0x20 && bytes[index]! <= 0x2f && index - at < CSI_BYTES_MAX) index += 1
  return index === to ? UNFINISHED : bytes[index]! >= 0x30 && bytes[index]! <= 0x7e ? index + 1 : NOT_ONE
}

/** Characters that no terminal shows; blanks and line ends are none of them. */
const isHidden = (point: number): boolean => point < 0x20 ? point < 0x09 || point > 0x0d : point >= 0x7f && point <= 0x9f

/**
 * Decodes bytes `[from, to)`, of at most a unit's length. `skip`: as a terminal shows them, without control sequences and characters, and
 * without what a backspace took away. `keep`: all of them.
 */
export const viewOf = (bytes: Buffer, from: number, to: number, controls: 'skip' | 'keep'): View => {
  if (isPlain(bytes, from, to)) return { text: bytes.toString('latin1', from, to), map: undefined, base: from, controls: none, open: -1 }
  const found: Control[] = []
  let open = -1
  let count = 0
  let index = from
  while (index < to) {
    const { point, width } = decode(bytes, index, to)
    if (controls === 'skip' && isHidden(point)) {
      const introducer = point === ESC ? bytes[index + 1] ?? 0 : point >= 0x80 ? point - 0x40 : 0
      const body = index + (point === ESC ? 2 : width)
      const end = point === ESC && index + 1 >= to ? UNFINISHED : introducer === 0 ? NOT_ONE : sequenceEnd(bytes, introducer, body, to)
      if (end === UNFINISHED && open === -1) open = index
      if (point === BACKSPACE && count > 0) count -= (units[count - 1]! & 0xfc00) === 0xdc00 ? 2 : 1
      const next = end > 0 ? end : index + width
      if (point !== BACKSPACE) found.push({ from: index, to: next, text: introducer !== 0 && isStringIntroducer(introducer) })
      index = next
      continue
    }
    const pair = point > 0xffff
    starts[count] = index
    ends[count] = index + width
    units[count] = pair ? 0xd7c0 + (point >> 10) : point
    count += 1
    if (pair) {
      starts[count] = index
      ends[count] = index + width
      units[count] = 0xdc00 | (point & 0x3ff)
      count += 1
    }
    index += width
  }
  return { text: Buffer.from(units.buffer, 0, count * 2).toString('utf16le'), map: { starts: starts.slice(0, count), ends: ends.slice(0, count) }, base: from, controls: found, open }
}

/** Byte at which the text's unit `index` starts; behind the last one: where that ends. */
export const byteAt = (view: View, index: number): number =>
  view.map === undefined ? view.base + index : index < view.map.starts.length ? view.map.starts[index]! : index === 0 ? view.base : view.map.ends[index - 1]!

/** Byte at which the text's unit before `index` ends. */
export const byteBefore = (view: View, index: number): number => view.map === undefined ? view.base + index : view.map.ends[index - 1]!

/** The first unit that starts at a byte or behind it. */
export const unitAt = (view: View, byte: number): number => {
  if (view.map === undefined) return Math.max(0, Math.min(view.text.length, byte - view.base))
  let low = 0
  let high = view.map.starts.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (view.map.starts[middle]! < byte) low = middle + 1
    else high = middle
  }
  return low
}
