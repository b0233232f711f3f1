import { Duplex } from 'node:stream'
import type { SessionHost, Side } from '@sallyport/protocol-kit'

/** One side's byte stream as the SSH library wants it: a socket without a socket. */
export class Wire {
  readonly stream: Duplex
  /** Bytes received from the side. */
  received = 0
  private room: (() => void) | undefined
  private finished = false

  /** `onFinished`: the library has said its last word to the side. */
  constructor(host: SessionHost, side: Side, onFinished: () => void) {
    this.stream = new Duplex({
      // Once the side has ended, the library is told that it is gone.
      allowHalfOpen: false,
      read: () => {
        this.room?.()
        this.room = undefined
      },
      // The host's queue is the queue: whoever streams asks `whenWritable` before it sends on.
      write: (chunk: Buffer, _encoding, done) => {
        host.send(side, chunk)
        done()
      },
      final: (done) => {
        done()
        if (!this.finished) onFinished()
      },
    })
  }

  /** A promise only while the library takes no more. */
  receive(chunk: Buffer): void | Promise<void> {
    if (this.finished) return undefined
    this.received += chunk.length
    if (this.stream.push(chunk)) return undefined
    return new Promise((resolve) => { this.room = resolve })
  }

  /** The side has ended its stream. */
  end(): void {
    if (this.finished) return
    this.finished = true
    this.room?.()
    this.stream.push(null)
    this.stream.resume()
  }

  /** Nothing more is said or heard. */
  destroy(): void {
    this.finished = true
    this.room?.()
    this.stream.destroy()
  }
}
