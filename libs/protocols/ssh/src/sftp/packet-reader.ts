import { Refusal } from '@sallyport/protocol-kit'

const HEAD_BYTES = 4
/** A type and a number. */
const LENGTH_MIN = 5

/** Cuts a stream into SFTP packets (draft-ietf-secsh-filexfer-02, section 3). What it holds grows with what has come, never with what a length says. */
export class PacketReader {
  private held = Buffer.alloc(0)
  private filled = 0

  constructor(private readonly bytesMax: number) {}

  /** Whether a packet has begun and not ended. */
  get midway(): boolean {
    return this.filled > 0
  }

  /** Whole packets, each with its length in front. Throws a Refusal (`malformed`) at a length that can't be. */
  *push(chunk: Buffer): Generator<Buffer, void, undefined> {
    let from = 0
    while (from < chunk.length) {
      if (this.filled === 0 && chunk.length - from >= HEAD_BYTES) {
        const end = from + HEAD_BYTES + this.lengthOf(chunk, from)
        if (end <= chunk.length) {
          yield chunk.subarray(from, end)
          from = end
          continue
        }
      }
      from += this.gather(chunk, from)
      if (this.filled < HEAD_BYTES || this.filled < HEAD_BYTES + this.lengthOf(this.held, 0)) continue
      const packet = this.held.subarray(0, this.filled)
      this.held = Buffer.alloc(0)
      this.filled = 0
      yield packet
    }
  }

  private lengthOf(bytes: Buffer, at: number): number {
    const length = bytes.readUInt32BE(at)
    if (length < LENGTH_MIN || length > this.bytesMax) throw new Refusal('malformed', `an SFTP packet of ${length} bytes`)
    return length
  }

  /** Takes what the packet that has begun still needs, at most; answers how much. */
  private gather(chunk: Buffer, from: number): number {
    const needed = this.filled < HEAD_BYTES ? HEAD_BYTES : HEAD_BYTES + this.lengthOf(this.held, 0)
    const taken = Math.min(needed - this.filled, chunk.length - from)
    const filled = this.filled + taken
    if (filled > this.held.length) {
      const larger = Buffer.allocUnsafe(Math.min(needed, Math.max(filled, 2 * this.held.length)))
      this.held.copy(larger, 0, 0, this.filled)
      this.held = larger
    }
    chunk.copy(this.held, this.filled, from, from + taken)
    this.filled = filled
    return taken
  }
}
