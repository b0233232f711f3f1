import { MalformedFrame } from './malformed.js'

/** Decides by type and length (including its own four bytes) what becomes of a frame before anything is allocated for it. */
export type FrameRule = (type: number, length: number) => 'whole' | 'stream' | 'skip'

const headerBytes = 5
const carryStartBytes = 16 * 1024
const empty = Buffer.alloc(0)

/**
 * Cuts a byte stream of typed messages (`type` byte, four bytes of length that count themselves, body) into frames without copying:
 * the current frame is `buffer[start, end)`. Only a frame that a chunk boundary cuts is copied, into a buffer that grows with the bytes
 * that really came, never with what the length claims. Streamed frames come in pieces (`first`, `last`), skipped ones once, empty, at their end.
 */
export class FrameReader {
  buffer: Buffer = empty
  /** ASCII code of the current frame's type. */
  type = 0
  start = 0
  end = 0
  first = true
  last = true
  /** The current frame was left out by the rule. */
  skipped = false
  /** Offset in the chunk behind the current frame. */
  private position = 0
  private chunk: Buffer = empty
  private carry: Buffer = empty
  private carried = 0
  /** Bytes of the streamed or skipped frame still to come. */
  private remaining = 0

  constructor(private readonly rule: FrameRule) {}

  /** Gives the next chunk; the former must be used up: `next` answered false. */
  feed(chunk: Buffer): void {
    this.chunk = chunk
    this.position = 0
  }

  /** Bytes of the chunk that no frame has taken yet. */
  get left(): number {
    return this.chunk.length - this.position
  }

  /** Nothing is cut: the stream stands between two frames. */
  get between(): boolean {
    return this.remaining === 0 && this.carried === 0
  }

  /** Takes what is left of the chunk out of the reader, e.g. when the stream changes its framing. */
  takeLeft(): Buffer {
    const left = this.chunk.subarray(this.position)
    this.chunk = empty
    this.position = 0
    return left
  }

  /**
   * Moves to the next frame. False: more bytes are needed.
   * @throws MalformedFrame when a length is below four.
   */
  next(): boolean {
    if (this.remaining > 0) return this.continued()
    if (this.carried > 0) return this.completed()
    const { chunk, position } = this
    const available = chunk.length - position
    if (available === 0) return false
    if (available < headerBytes) return this.stash(headerBytes)
    const length = lengthOf(chunk, position)
    const total = length + 1
    if (available >= total) {
      const rule = this.rule(chunk[position] ?? 0, length)
      this.set(chunk, position, position + total, true, true)
      this.skipped = rule === 'skip'
      this.position = position + total
      return true
    }
    return this.begin(chunk, position, available, length)
  }

  /** Moves on when the next frame is of this type and whole within the chunk; else everything stays as it is. */
  nextOf(type: number): boolean {
    const { chunk, position } = this
    if (this.remaining > 0 || this.carried > 0 || chunk[position] !== type || chunk.length - position < headerBytes) return false
    const end = position + 1 + chunk.readInt32BE(position + 1)
    if (end < position + headerBytes || end > chunk.length) return false
    this.buffer = chunk
    this.start = position
    this.end = end
    this.position = end
    return true
  }

  /** A frame that goes on behind the chunk. */
  private begin(chunk: Buffer, position: number, available: number, length: number): boolean {
    const rule = this.rule(chunk[position] ?? 0, length)
    if (rule === 'whole') return this.stash(length + 1)
    this.remaining = length + 1 - available
    this.position = chunk.length
    this.set(chunk, position, chunk.length, true, false)
    this.skipped = rule === 'skip'
    return rule === 'stream'
  }

  private continued(): boolean {
    const { chunk, position } = this
    const taken = Math.min(this.remaining, chunk.length - position)
    if (taken === 0) return false
    this.remaining -= taken
    this.position = position + taken
    const last = this.remaining === 0
    this.set(chunk, position, position + taken, false, last)
    return this.skipped ? last : true
  }

  private completed(): boolean {
    if (this.carried < headerBytes && !this.take(headerBytes)) return false
    const length = lengthOf(this.carry, 0)
    const total = length + 1
    const rule = this.rule(this.carry[0] ?? 0, length)
    if (rule !== 'whole') {
      const head = this.carry.subarray(0, this.carried)
      this.carried = 0
      this.carry = empty
      this.remaining = total - head.length
      this.set(head, 0, head.length, true, this.remaining === 0)
      this.skipped = rule === 'skip'
      return rule === 'stream' || this.remaining === 0 ? true : this.next()
    }
    if (!this.take(total)) return false
    this.set(this.carry, 0, total, true, true)
    this.skipped = false
    this.carry = empty
    this.carried = 0
    return true
  }

  /** Copies from the chunk until `carried` is `wanted`; false when the chunk ends before. */
  private take(wanted: number): boolean {
    const count = Math.min(wanted - this.carried, this.chunk.length - this.position)
    const needed = this.carried + count
    if (needed > this.carry.length) {
      const grown = Buffer.allocUnsafe(Math.min(wanted, Math.max(needed, this.carry.length * 2, carryStartBytes)))
      this.carry.copy(grown, 0, 0, this.carried)
      this.carry = grown
    }
    this.chunk.copy(this.carry, this.carried, this.position, this.position + count)
    this.carried = needed
    this.position += count
    return needed === wanted
  }

  private stash(wanted: number): false {
    this.carry = empty
    this.carried = 0
    this.take(wanted)
    return false
  }

  private set(buffer: Buffer, start: number, end: number, first: boolean, last: boolean): void {
    if (first) this.type = buffer[start] ?? 0
    this.buffer = buffer
    this.start = start
    this.end = end
    this.first = first
    this.last = last
  }
}

const lengthOf = (buffer: Buffer, position: number): number => {
  const length = buffer.readInt32BE(position + 1)
  if (length < 4) throw new MalformedFrame('invalid message length')
  return length
}
