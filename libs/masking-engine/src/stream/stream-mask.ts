import type { StreamMask, StreamOptions } from '@sallyport/protocol-kit'
import { BinarySniffer } from './binary.js'
import { controlsWithin, emit } from './emit.js'
import { KeyBlock } from './key-block.js'
import { CONTEXT_BYTES, LOOKAHEAD_BYTES, UNIT_BYTES_MAX } from './limits.js'
import { scan, type Found } from './scan.js'
import type { StreamRules } from './stream-rules.js'
import { BULK_BYTES_MIN, viableFrom } from './viable.js'
import { byteAt, byteBefore, unitAt } from './view.js'

const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
const BUFFER_BYTES_MIN = 4_096
const nothing: readonly Uint8Array[] = []

/** What ends a match that is longer than a window. */
const stops = new Uint8Array(256)
for (const char of ' \t\n\r\v\f"\'`,;&<>(){}[]\u001b\u0000') stops[char.charCodeAt(0)] = 1

/** Where a line's content ends, before its line end. */
const contentEnd = (bytes: Uint8Array, from: number, to: number): number => {
  let end = to
  if (end > from && bytes[end - 1] === LINE_FEED) end -= 1
  return end < to && end > from && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end
}

/**
 * Masks line by line. Whole lines without suspicion go through as they came. A line that isn't whole waits in `buffer`, up to a window's
 * length; in it, `[0, sent)` went out already and is kept so that a match over it is still found.
 */
class LineMask implements StreamMask {
  readonly counts = new Map<string, number>()
  private buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES_MIN)
  private length = 0
  private sent = 0
  /** The last byte that went out was masked. */
  private inMask = false
  /** A key's part of the line was dropped: its line end goes with it. */
  private dropped = false
  /** In a match that is longer than a window. */
  private running = false
  private binary = false
  /** Up to where in the buffer the sniffer saw it. */
  private sniffed = 0
  private since: number | undefined
  private readonly key = new KeyBlock()
  private readonly sniffer: BinarySniffer | undefined

  constructor(private readonly rules: StreamRules, private readonly options: StreamOptions) {
    this.sniffer = options.binary === 'pass' ? new BinarySniffer() : undefined
  }

  write(chunk: Uint8Array, nowMs: number): readonly Uint8Array[] {
    if (chunk.length === 0) return nothing
    if (this.binary) return [chunk]
    const out: Uint8Array[] = []
    this.take(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length), out)
    if (this.options.hold === 'viable' && this.length > this.sent && !this.key.strict) this.letGoOn(chunk.length >= BULK_BYTES_MIN, out)
    const held = this.length - this.sent
    // What is held is the end of what came: all of it in this chunk, or some of it before.
    if (held === 0) this.since = undefined
    else if (held <= chunk.length) this.since = nowMs
    return out
  }

  holds(): number | undefined {
    return this.since === undefined ? undefined : this.since + this.options.delayMaxMs
  }

  release(nowMs: number): readonly Uint8Array[] {
    return this.since !== undefined && nowMs >= this.since + this.options.delayMaxMs ? this.end() : nothing
  }

  end(): readonly Uint8Array[] {
    const out: Uint8Array[] = []
    this.since = undefined
    if (this.length === this.sent || this.sniff(out)) return out
    this.settle(this.length, this.length, this.look(this.length), out)
    this.trim()
    return out
  }

  private take(bytes: Buffer, out: Uint8Array[]): void {
    let at = 0
    while (at < bytes.length) {
      if (this.binary) {
        out.push(bytes.subarray(at))
        return
      }
      if (this.running) {
        while (at < bytes.length && stops[bytes[at]!] === 0) at += 1
        this.running = at === bytes.length
        continue
      }
      if (this.length === 0 && !this.key.open && this.sniffer?.done !== false) {
        const end = this.wholeLines(bytes, at, out)
        if (end > at) {
          at = end
          continue
        }
      }
      at = this.append(bytes, at)
      if (this.buffer[this.length - 1] === LINE_FEED) this.finishLine(out)
      else if (this.length === UNIT_BYTES_MAX) this.window(out)
    }
  }

  /** Masks whole lines where they are. Answers up to where: the rest, or a line longer than a window, goes through the buffer. */
  private wholeLines(bytes: Buffer, at: number, out: Uint8Array[]): number {
    const end = bytes.lastIndexOf(LINE_FEED) + 1
    if (end <= at) return at
    const search = this.rules.suspicion.lines(bytes, end)
    let from = at
    let line = search(at)
    while (line !== -1) {
      const next = bytes.indexOf(LINE_FEED, line) + 1
      if (next - line > UNIT_BYTES_MAX) {
        if (line > from) out.push(bytes.subarray(from, line))
        return line
      }
      const content = contentEnd(bytes, line, next)
      const found = scan(this.rules.find, bytes, line, content)
      if (found.hits.length > 0) {
        if (line > from) out.push(bytes.subarray(from, line))
        emit(this.rules, bytes, found, { sent: line, to: next, inMask: false, copy: false }, this.counts, out)
        from = next
        this.followKey(found, 0, content)
        if (this.key.open) return next
      }
      line = search(next)
    }
    if (end > from) out.push(bytes.subarray(from, end))
    return end
  }

  /** Takes bytes up to the line's end or the buffer's. */
  private append(bytes: Buffer, at: number): number {
    const room = bytes.subarray(at, at + UNIT_BYTES_MAX - this.length)
    const stop = room.indexOf(LINE_FEED) + 1
    const count = stop === 0 ? room.length : stop
    if (this.length + count > this.buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(UNIT_BYTES_MAX, Math.max(this.buffer.length * 2, this.length + count)))
      this.buffer.copy(larger, 0, 0, this.length)
      this.buffer = larger
    }
    room.copy(this.buffer, this.length, 0, count)
    this.length += count
    return at + count
  }

  private look(to: number): Found {
    return scan(this.rules.find, this.buffer, Math.max(0, this.sent - CONTEXT_BYTES), to)
  }

  private finishLine(out: Uint8Array[]): void {
    if (this.sniff(out)) return
    const content = contentEnd(this.buffer, this.sent, this.length)
    if (content > this.sent || (this.key.strict && this.sent === 0)) this.settle(content, content, this.look(content), out)
    // A line that is a key's goes with its end.
    if (!this.dropped || !this.inMask) out.push(Buffer.from(this.buffer.subarray(this.sent, this.length)))
    this.startLine()
  }

  private startLine(): void {
    this.length = 0
    this.sent = 0
    this.sniffed = 0
    this.inMask = false
    this.dropped = false
  }

  /** A line as long as the buffer: lets go of all but its end, which is looked at again with what follows. */
  private window(out: Uint8Array[]): void {
    if (this.sniff(out)) return
    const found = this.look(this.length)
    let cut = this.key.open ? this.length : Math.max(this.sent, this.length - LOOKAHEAD_BYTES)
    for (const hit of found.hits) if (hit.from < cut && hit.to > cut) cut = hit.to
    this.settle(cut, this.length, found, out)
    this.running = cut === this.length && this.inMask && !this.key.open
    if (this.running) this.startLine()
    else this.shift(Math.max(0, this.sent - CONTEXT_BYTES))
  }

  /** Lets go of the beginning of a line in which nothing is worth waiting for. */
  private letGoOn(bulk: boolean, out: Uint8Array[]): void {
    if (this.sniff(out)) return
    const found = this.look(this.length)
    const start = viableFrom(found.view.text, bulk)
    let to = start === found.view.text.length ? this.length : byteAt(found.view, start)
    if (found.view.open !== -1) to = Math.min(to, found.view.open)
    for (const hit of found.hits.toReversed()) if (hit.to === this.length || hit.to > to) to = Math.min(to, hit.from)
    if (to > this.sent) this.settle(to, to, found, out)
    this.trim()
  }

  /** Puts out bytes up to `to`, of what was looked at up to `seen`. */
  private settle(to: number, seen: number, found: Found, out: Uint8Array[]): void {
    const first = unitAt(found.view, this.sent)
    if (this.key.open) this.dropKey(found, first, seen, out)
    if (this.sent < to) {
      this.inMask = emit(this.rules, this.buffer, found, { sent: this.sent, to, inMask: this.inMask, copy: true }, this.counts, out)
      this.sent = to
      this.followKey(found, first, to)
    }
  }

  private dropKey(found: Found, first: number, seen: number, out: Uint8Array[]): void {
    const reach = this.key.reach(found.view.text, first, this.dropped, this.buffer[this.length - 1] === LINE_FEED)
    if (reach <= first && found.view.text.length > first) return
    const to = reach === found.view.text.length ? seen : byteBefore(found.view, reach)
    controlsWithin(this.buffer, found, this.sent, to, out)
    this.sent = to
    this.inMask = true
    this.dropped = true
  }

  private followKey({ view, hits }: Found, first: number, to: number): void {
    if (this.rules.keys && !this.key.strict && (hits.at(-1)?.to ?? -1) >= to) this.key.follow(view.text, first)
  }

  /** Whether the stream turned out to be no text. */
  private sniff(out: Uint8Array[]): boolean {
    if (this.sniffer === undefined || this.sniffer.done) return false
    const part = this.buffer.subarray(this.sniffed, this.length)
    this.sniffed = this.length
    if (!this.sniffer.isBinary(part)) return false
    out.push(Buffer.from(this.buffer.subarray(this.sent, this.length)))
    this.startLine()
    this.since = undefined
    this.binary = true
    return true
  }

  /** Forgets what is too far back, when it is enough to be worth the move. */
  private trim(): void {
    if (this.sent > CONTEXT_BYTES * 4) this.shift(this.sent - CONTEXT_BYTES)
  }

  private shift(count: number): void {
    this.buffer.copyWithin(0, count, this.length)
    this.length -= count
    this.sent -= count
    this.sniffed = Math.max(0, this.sniffed - count)
  }
}

/** A stream's masker under a plan's rules. */
export const createStreamMask = (rules: StreamRules, options: StreamOptions): StreamMask => new LineMask(rules, options)
