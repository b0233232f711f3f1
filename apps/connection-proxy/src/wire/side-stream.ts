import type { Socket } from 'node:net'

export interface SideHandlers {
  /** Hands over bytes; while its promise is pending nothing more is handed over. */
  deliver(chunk: Buffer): void | Promise<void>
  /** The peer has finished sending, after everything before it was delivered. */
  ended(): void
  /** The peer is gone or finished while something is still being worked on: nobody waits for the answer any more. */
  left(): void
  failed(error: unknown): void
  /** This side's queue of unsent bytes is long (true), or short again (false): the other side's reading follows it. */
  congested(value: boolean): void
}

/** Read ahead while a chunk is being worked on, so that a leaving client is noticed; then reading stops. */
const READ_AHEAD_BYTES_MAX = 64 * 1024

/** One socket of a session: hands its bytes over one chunk at a time, and keeps both queues bounded. */
export class SideStream {
  private socket: Socket | undefined
  private pending: Buffer[] = []
  private pendingBytes = 0
  private busy = false
  private otherCongested = false
  private finished = false
  private closed = false

  constructor(private readonly handlers: SideHandlers) {}

  /** Replaces the socket (TLS in place, or another connection); bytes of the one before are no longer heard. */
  attach(socket: Socket): void {
    this.detach()
    if (this.closed) {
      socket.destroy()
      return
    }
    this.socket = socket
    this.finished = false
    socket.on('data', this.onData)
    socket.on('end', this.onEnd)
    socket.on('close', this.onClose)
    socket.on('error', this.onError)
    socket.on('drain', this.onDrain)
    this.adjustReading()
  }

  /** Stops listening to the present socket and answers it. */
  detach(): Socket | undefined {
    const socket = this.socket
    if (socket === undefined) return undefined
    socket.off('data', this.onData)
    socket.off('end', this.onEnd)
    socket.off('close', this.onClose)
    socket.off('error', this.onError)
    socket.off('drain', this.onDrain)
    this.socket = undefined
    return socket
  }

  get attached(): boolean {
    return this.socket !== undefined
  }

  /** Bytes read and not yet handed over. */
  get unread(): number {
    return this.pendingBytes
  }

  write(bytes: Uint8Array): void {
    if (this.socket === undefined || this.socket.destroyed || this.socket.writableEnded) return
    if (!this.socket.write(bytes)) this.handlers.congested(true)
  }

  /** Undefined while the queue is short; else resolves when it is again, or the socket is gone. */
  whenWritable(): Promise<void> | undefined {
    const { socket } = this
    if (socket === undefined || socket.destroyed || !socket.writableNeedDrain) return undefined
    return new Promise((resolve) => {
      const done = (): void => {
        socket.off('drain', done)
        socket.off('close', done)
        resolve()
      }
      socket.once('drain', done)
      socket.once('close', done)
    })
  }

  /** The other side can't take more: stop reading here. */
  holdBack(value: boolean): void {
    this.otherCongested = value
    this.adjustReading()
  }

  /** Sends what is queued, then ends; what does not go out within the grace is dropped. Nothing is handed over or told any more. */
  close(graceMs: number): void {
    this.closed = true
    this.pending = []
    this.pendingBytes = 0
    const socket = this.socket
    if (socket === undefined || socket.destroyed) return
    const timer = setTimeout(() => socket.destroy(), graceMs)
    socket.once('close', () => clearTimeout(timer))
    socket.end(() => socket.destroySoon())
    // What still comes is read and dropped, so that the peer isn't kept from reading our last word.
    socket.resume()
  }

  destroy(): void {
    this.socket?.destroy()
  }

  private readonly onData = (chunk: Buffer): void => {
    if (this.closed) return
    if (this.busy || this.pending.length > 0) {
      this.pending.push(chunk)
      this.pendingBytes += chunk.length
      this.adjustReading()
      return
    }
    this.handOver(chunk)
  }

  private handOver(chunk: Buffer): void {
    try {
      const work = this.handlers.deliver(chunk)
      if (work === undefined) return
      this.busy = true
      work.then(this.onDelivered, this.onFailed)
    } catch (error) {
      this.onFailed(error)
    }
  }

  private readonly onFailed = (error: unknown): void => {
    if (!this.closed) this.handlers.failed(error)
  }

  private readonly onDelivered = (): void => {
    this.busy = false
    while (!this.busy && this.pending.length > 0) {
      const chunk = this.pending.shift()!
      this.pendingBytes -= chunk.length
      this.handOver(chunk)
    }
    if (this.busy || this.closed) return
    this.adjustReading()
    if (this.finished) this.handlers.ended()
  }

  private adjustReading(): void {
    if (this.socket === undefined || this.closed) return
    if (this.otherCongested || this.pendingBytes > READ_AHEAD_BYTES_MAX) this.socket.pause()
    else this.socket.resume()
  }

  private readonly onEnd = (): void => {
    if (this.finished || this.closed) return
    this.finished = true
    if (this.busy || this.pending.length > 0) this.handlers.left()
    else this.handlers.ended()
  }

  private readonly onClose = (): void => this.onEnd()

  private readonly onError = (): void => {
    // A reset or a broken pipe is an end like any other: 'close' follows it.
  }

  private readonly onDrain = (): void => this.handlers.congested(false)
}
