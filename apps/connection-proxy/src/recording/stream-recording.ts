import { deflateRawSync } from 'node:zlib'
import { encodeFrames, type RecordedFrame, type RecordedKind } from '@sallyport/contracts/recording'

/** A chunk is cut when so much has gathered, or so long after its first piece. */
const CHUNK_BYTES = 32 * 1024
const GATHER_MS = 200
/** What may be under way to the log before the stream has to wait for it. */
const AHEAD_BYTES_MAX = 256 * 1024
const AHEAD_MS_MAX = 1_000

export interface RecordingSink {
  /** Records a chunk: its frames, deflated. Answers its sequence, undefined when nothing can be recorded any more. */
  append(chunk: { readonly index: number; readonly bytes: number; readonly frames: string }): number | undefined
  acknowledged(sequence: number): boolean
  whenAcknowledged(sequence: number): Promise<void>
}

/** What one command streams: gathers it into chunks, and says when the stream is too far ahead of its record. */
export class StreamRecording {
  private readonly startedAt = performance.now()
  private pieces: RecordedFrame[] = []
  private gathered = 0
  private index = 0
  private sinceMs = 0
  private timer: NodeJS.Timeout | undefined
  private ahead: { readonly sequence: number; readonly bytes: number; readonly at: number }[] = []
  private aheadBytes = 0
  /** Bytes recorded in all. */
  bytes = 0

  constructor(private readonly sink: RecordingSink) {}

  /** Keeps a copy: the bytes belong to whoever delivers them. */
  add(kind: RecordedKind, bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; from += CHUNK_BYTES) {
      const piece = Uint8Array.from(bytes.subarray(from, from + CHUNK_BYTES))
      this.pieces.push({ kind, atMs: performance.now() - this.startedAt, bytes: piece })
      this.gathered += piece.length
      this.bytes += piece.length
      if (this.gathered >= CHUNK_BYTES) this.flush()
    }
    if (this.gathered > 0) this.timer ??= setTimeout(() => this.flush(), GATHER_MS)
  }

  /** Records what has gathered. */
  flush(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    if (this.pieces.length === 0) return
    const frames = joined(this.pieces)
    const encoded = encodeFrames(frames, this.sinceMs)
    this.sinceMs = Math.round(frames.at(-1)!.atMs)
    const bytes = this.gathered
    this.pieces = []
    this.gathered = 0
    const sequence = this.sink.append({ index: this.index, bytes: encoded.length, frames: deflateRawSync(encoded, { level: 1 }).toString('base64') })
    if (sequence === undefined) return
    this.index += 1
    this.ahead.push({ sequence, bytes, at: performance.now() })
    this.aheadBytes += bytes
  }

  /** Undefined: the stream may go on. Rejects when the record doesn't follow before its deadline. */
  whenRoom(): Promise<void> | undefined {
    this.settle()
    return this.tooFarAhead() ? this.catchUp() : undefined
  }

  private async catchUp(): Promise<void> {
    this.flush()
    while (this.tooFarAhead()) {
      await this.sink.whenAcknowledged(this.ahead[0]!.sequence)
      this.settle()
    }
  }

  private tooFarAhead(): boolean {
    const oldest = this.ahead[0]
    return oldest !== undefined && (this.aheadBytes + this.gathered > AHEAD_BYTES_MAX || performance.now() - oldest.at > AHEAD_MS_MAX)
  }

  private settle(): void {
    let done = 0
    while (done < this.ahead.length && this.sink.acknowledged(this.ahead[done]!.sequence)) {
      this.aheadBytes -= this.ahead[done]!.bytes
      done += 1
    }
    if (done > 0) this.ahead = this.ahead.slice(done)
  }
}

/** Pieces of one kind in the same millisecond as one frame: a program that writes byte by byte would else be recorded at several times its size. */
const joined = (pieces: readonly RecordedFrame[]): RecordedFrame[] => {
  const frames: { kind: RecordedKind; atMs: number; parts: Uint8Array[] }[] = []
  for (const { kind, atMs, bytes } of pieces) {
    const last = frames.at(-1)
    if (last !== undefined && last.kind === kind && kind !== 'resize' && atMs - last.atMs < 1) last.parts.push(bytes)
    else frames.push({ kind, atMs, parts: [bytes] })
  }
  return frames.map(({ kind, atMs, parts }) => ({ kind, atMs, bytes: parts.length === 1 ? parts[0]! : Buffer.concat(parts) }))
}
