import type { SessionHost } from '@sallyport/protocol-kit'
import type { ServerChannel } from 'ssh2'
import { limits } from '../limits.js'
import { forgetWritten } from '../transport/raw.js'

export type OutKind = 'output' | 'error'

/** What goes to one channel of the client, in order, one piece at a time, so that the queue of what its window doesn't let out is ours and bounded. */
export class Outflow {
  private queue: { readonly kind: OutKind; readonly bytes: Uint8Array }[] = []
  private queued = 0
  private writing = false
  private closed = false
  private waiters: (() => void)[] = []

  constructor(
    private readonly host: SessionHost,
    private readonly channel: ServerChannel,
  ) {}

  write(kind: OutKind, bytes: Uint8Array): void {
    if (this.closed || bytes.length === 0) return
    this.queue.push({ kind, bytes })
    this.queued += bytes.length
    this.pump()
  }

  /** Undefined while there is room; else resolves when there is again, or the channel is gone. */
  whenRoom(): Promise<void> | undefined {
    if (this.closed || this.queued <= limits.outflowBytesMax) return undefined
    return new Promise((resolve) => void this.waiters.push(resolve))
  }

  /** Resolves when everything has gone into the channel's window, or the channel is gone. */
  async drained(): Promise<void> {
    while (!this.closed && (this.queued > 0 || this.writing)) await new Promise<void>((resolve) => void this.waiters.push(resolve))
  }

  /** The channel is gone: nothing goes out any more. */
  close(): void {
    this.closed = true
    this.queue = []
    this.queued = 0
    this.wake()
  }

  private pump(): void {
    if (this.writing || this.closed) return
    const piece = this.queue.shift()
    if (piece === undefined) return
    this.writing = true
    const wait = this.host.whenWritable('client')
    if (wait === undefined) this.put(piece.kind, piece.bytes)
    else void wait.then(() => this.put(piece.kind, piece.bytes))
  }

  private put(kind: OutKind, bytes: Uint8Array): void {
    if (this.closed) return
    forgetWritten(this.channel)
    const stream = kind === 'output' ? this.channel : this.channel.stderr
    stream.write(bytes, () => {
      this.writing = false
      if (this.closed) return
      this.queued -= bytes.length
      if (this.queued <= limits.outflowBytesMax / 2) this.wake()
      this.pump()
    })
  }

  private wake(): void {
    const { waiters } = this
    this.waiters = []
    for (const waiter of waiters) waiter()
  }
}
