import { Duplex } from 'node:stream'
import type { SessionHost, Side } from '@sallyport/protocol-kit'
import { limits } from '../limits.js'

const LINE_FEED = 0x0a
/** Gathered at most before it is handed over: two of the library's largest packets. */
const GATHERED_BYTES_MAX = 64 * 1024

/** One side's byte stream as the SSH library wants it: a socket without a socket. */
export class Wire {
  readonly stream: Duplex
  /** Bytes received from the side. */
  received = 0
  /** What came before the version line was whole: the library must not see that line in more than two pieces. Undefined since then. */
  private preamble: Buffer | undefined = Buffer.alloc(0)
  private room: (() => void) | undefined
  private finished = false
  /** The library writes a packet in three pieces: what it writes in one turn goes out in one. */
  private gathered: Buffer[] = []
  private gatheredBytes = 0

  /** `onEndless`: the side doesn't come to its version. `onFinished`: the library has said its last word to the side. */
  constructor(private readonly host: SessionHost, private readonly side: Side, private readonly onEndless: () => void, onFinished: () => void) {
    this.stream = new Duplex({
      // Once the side has ended, the library is told that it is gone.
      allowHalfOpen: false,
      read: () => {
        this.room?.()
        this.room = undefined
      },
      // The host's queue is the queue: whoever streams asks `whenWritable` before it sends on.
      write: (chunk: Buffer, _encoding, done) => {
        this.gather(chunk)
        done()
      },
      final: (done) => {
        this.flush()
        done()
        if (!this.finished) onFinished()
      },
    })
  }

  private gather(chunk: Buffer): void {
    // After a turn's callbacks and before anything else happens: nobody waits for it.
    if (this.gatheredBytes === 0) process.nextTick(this.flush)
    this.gathered.push(chunk)
    this.gatheredBytes += chunk.length
    if (this.gatheredBytes >= GATHERED_BYTES_MAX) this.flush()
  }

  private readonly flush = (): void => {
    const { gathered, gatheredBytes } = this
    if (gatheredBytes === 0) return
    this.gathered = []
    this.gatheredBytes = 0
    this.host.send(this.side, gathered.length === 1 ? gathered[0]! : Buffer.concat(gathered, gatheredBytes))
  }

  /** A promise only while the library takes no more. */
  receive(chunk: Buffer): void | Promise<void> {
    if (this.finished) return undefined
    this.received += chunk.length
    const ready = this.preamble === undefined ? chunk : this.begin(this.preamble, chunk)
    if (ready === undefined || this.stream.push(ready)) return undefined
    return new Promise((resolve) => { this.room = resolve })
  }

  /** Answers everything from the version line on once it is whole; lines before it (RFC 4253, section 4.2) are passed over. */
  private begin(before: Buffer, chunk: Buffer): Buffer | undefined {
    const all = before.length === 0 ? chunk : Buffer.concat([before, chunk])
    let start = 0
    for (let end = all.indexOf(LINE_FEED); end >= 0; end = all.indexOf(LINE_FEED, start)) {
      if (this.side === 'client' || all.toString('latin1', start, start + 4) === 'SSH-') {
        this.preamble = undefined
        return all.subarray(start)
      }
      start = end + 1
    }
    if (this.received > limits.versionBytesMax) {
      this.preamble = undefined
      this.onEndless()
      return undefined
    }
    // The chunk is the session's only until the call returns.
    this.preamble = Buffer.from(all.subarray(start))
    return undefined
  }

  /** The side has ended its stream. */
  end(): void {
    if (this.finished) return
    this.finished = true
    this.flush()
    this.room?.()
    this.stream.push(null)
    this.stream.resume()
  }

  /** Nothing more is said or heard. */
  destroy(): void {
    this.finished = true
    this.flush()
    this.room?.()
    this.stream.destroy()
  }
}
