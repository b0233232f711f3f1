/** Whoever wants to know what was delivered for it. */
export interface Tap {
  absorb(bytes: Buffer): void
}

interface Span {
  readonly tap: Tap
  readonly from: number
  to: number
}

/** Ranges up to this size are copied behind rewritten bytes, so that everything leaves in one write. */
const gatheredBytesMax = 4096
const scratchBytes = 128 * 1024
const heldBytesMax = 64 * 1024

export const viewOf = (buffer: Buffer): DataView => new DataView(buffer.buffer, buffer.byteOffset, buffer.length)

/**
 * What goes to the client. Adjacent ranges of a chunk leave in one write without a copy; where bytes are rewritten, they and the small
 * ranges between them are gathered in a scratch buffer that is filled from the front and never reused.
 * Delivered bytes are told to their command once per write.
 */
export class Outflow {
  private scratch: Buffer = Buffer.alloc(0)
  /** Of the scratch, for whoever asked for {@link room}. */
  view: DataView = viewOf(this.scratch)
  private base = 0
  private used = 0
  private buffer: Buffer | undefined
  private start = 0
  private end = 0
  /** Bytes taken since the last write. */
  private position = 0
  private spans: Span[] = []
  private afterwards: (() => void)[] = []

  constructor(private readonly emit: (bytes: Uint8Array) => void) {}

  /** Appends a range; `tap` is whose delivery it is. */
  pass(buffer: Buffer, start: number, end: number, tap?: Tap): void {
    if (this.buffer === buffer && this.end === start) {
      this.end = end
    } else {
      if (this.buffer !== undefined) {
        if (this.end - this.start <= gatheredBytesMax) this.gather()
        else this.write()
      }
      this.buffer = buffer
      this.start = start
      this.end = end
    }
    this.taken(end - start, tap)
  }

  private note(tap: Tap, count: number): void {
    const last = this.spans.at(-1)
    if (last !== undefined && last.tap === tap && last.to === this.position) last.to += count
    else this.spans.push({ tap, from: this.position, to: this.position + count })
  }

  /** Bytes of our own, sent at once behind everything before them. */
  send(bytes: Uint8Array): void {
    this.flush()
    this.emit(bytes)
  }

  /** Moves the range at hand into the scratch. */
  private gather(): void {
    const { buffer, start, end } = this
    if (buffer === undefined) return
    this.buffer = undefined
    const count = end - start
    this.reserve(count)
    if (count > 48) buffer.copy(this.scratch, this.used, start, end)
    else for (let from = start, to = this.used; from < end; from++, to++) this.scratch[to] = buffer[from] as number
    this.used += count
  }

  private reserve(count: number): void {
    if (this.used + count <= this.scratch.length) return
    const held = this.used - this.base
    const grown = Buffer.allocUnsafeSlow(Math.max(scratchBytes, (held + count) * 2))
    this.scratch.copy(grown, 0, this.base, this.used)
    this.scratch = grown
    this.view = viewOf(grown)
    this.base = 0
    this.used = held
  }

  /** Room for so many bytes behind everything taken so far: answers where in the {@link view}. */
  room(count: number): number {
    if (this.buffer !== undefined && this.end - this.start > gatheredBytesMax) this.write()
    this.gather()
    this.reserve(count)
    return this.used
  }

  /** So many bytes were put into the {@link room}. */
  took(count: number, tap: Tap): void {
    this.used += count
    this.taken(count, tap)
    if (this.used - this.base > heldBytesMax) this.flush()
  }

  /** Begins to rewrite a frame that starts at `start`: everything up to `at` is gathered. Answers where the frame starts, for {@link endFrame}. */
  beginFrame(buffer: Buffer, start: number, at: number, tap?: Tap): number {
    if (this.buffer !== undefined && this.end - this.start > gatheredBytesMax) this.write()
    this.pass(buffer, start, at, tap)
    this.gather()
    return this.used - this.base - (at - start)
  }

  /** Goes on with unchanged bytes of the frame. */
  keep(buffer: Buffer, start: number, end: number, tap?: Tap): void {
    if (end === start) return
    this.pass(buffer, start, end, tap)
    this.gather()
  }

  /** A field in text, ASCII only; false (and nothing written) when it has other characters. */
  asciiField(text: string, tap?: Tap): boolean {
    const { length } = text
    this.gather()
    this.reserve(length + 4)
    const { scratch } = this
    let at = this.used + 4
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index)
      if (code > 0x7f) return false
      scratch[at++] = code
    }
    scratch.writeInt32BE(length, this.used)
    this.used = at
    this.taken(length + 4, tap)
    return true
  }

  /** A field's length and bytes; null is SQL NULL. */
  field(value: Buffer | null, tap?: Tap): void {
    const length = value === null ? 0 : value.length
    this.gather()
    this.reserve(length + 4)
    this.scratch.writeInt32BE(value === null ? -1 : length, this.used)
    if (value !== null) value.copy(this.scratch, this.used + 4)
    this.used += length + 4
    this.taken(length + 4, tap)
  }

  private taken(count: number, tap: Tap | undefined): void {
    if (tap !== undefined) this.note(tap, count)
    this.position += count
  }

  /** Ends a rewritten frame: `frame` is what {@link beginFrame} answered, `length` the frame's new total length. */
  endFrame(frame: number, length: number): void {
    this.scratch.writeInt32BE(length - 1, this.base + frame + 1)
    if (this.used - this.base > heldBytesMax) this.flush()
  }

  /** Runs when what was taken so far has been told to its taps. */
  after(task: () => void): void {
    if (this.spans.length === 0) task()
    else this.afterwards.push(task)
  }

  private write(): void {
    if (this.used > this.base && this.buffer !== undefined && this.end - this.start <= gatheredBytesMax) this.gather()
    let position = 0
    if (this.used > this.base) {
      const bytes = this.scratch.subarray(this.base, this.used)
      this.base = this.used
      position = this.leave(bytes, position)
    }
    const { buffer, start, end } = this
    if (buffer === undefined) {
      this.settle()
      return
    }
    this.buffer = undefined
    if (end > start) this.leave(start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end), position)
    this.settle()
  }

  private leave(bytes: Buffer, position: number): number {
    const until = position + bytes.length
    for (const { tap, from, to } of this.spans) {
      if (to <= position || from >= until) continue
      tap.absorb(from <= position && to >= until ? bytes : bytes.subarray(Math.max(from - position, 0), Math.min(to, until) - position))
    }
    this.emit(bytes)
    return until
  }

  private settle(): void {
    this.position = 0
    if (this.spans.length > 0) this.spans = []
    if (this.afterwards.length === 0) return
    const tasks = this.afterwards
    this.afterwards = []
    for (const task of tasks) task()
  }

  flush(): void {
    if (this.buffer !== undefined || this.used > this.base) this.write()
    else if (this.afterwards.length > 0 || this.spans.length > 0) this.settle()
  }
}
