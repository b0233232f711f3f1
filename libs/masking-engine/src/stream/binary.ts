import { SNIFF_BYTES } from './limits.js'

const INVALID_MIN = 4

/** Bytes that are not part of valid UTF-8. */
const invalidIn = (bytes: Uint8Array): number => {
  let invalid = 0
  let index = 0
  while (index < bytes.length) {
    const lead = bytes[index]!
    const width = lead < 0x80 ? 1 : lead >= 0xc2 && lead <= 0xdf ? 2 : lead >= 0xe0 && lead <= 0xef ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 0
    let next = 1
    while (next < width && index + next < bytes.length && (bytes[index + next]! & 0xc0) === 0x80) next += 1
    if (width === 0 || (next < width && index + next < bytes.length)) invalid += next
    index += next
  }
  return invalid
}

/** Tells by a stream's first bytes, line by line, whether it is text. */
export class BinarySniffer {
  private seen = 0
  private invalid = 0

  get done(): boolean {
    return this.seen >= SNIFF_BYTES
  }

  /** Whether from these bytes on, the next ones of the stream, it is not: a NUL, or over a tenth of what came is no UTF-8. */
  isBinary(bytes: Uint8Array): boolean {
    const part = bytes.subarray(0, SNIFF_BYTES - this.seen)
    this.seen += part.length
    if (part.includes(0)) return true
    this.invalid += invalidIn(part)
    return this.invalid >= INVALID_MIN && this.invalid * 10 > this.seen
  }
}
