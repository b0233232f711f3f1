import { MalformedFrame } from './malformed.js'

export interface InboundMessage {
  readonly type: number
  /** The whole message with type and length. */
  readonly bytes: Buffer
}

/**
 * Turns pushed chunks into awaited messages, for hand-shakes only. `receive` stays pending until the reader wants bytes that aren't there:
 * so the host delivers nothing while the reader does something else with the socket (TLS, a new dial), and what is kept stays bounded.
 */
export class Inbox {
  private data: Buffer = Buffer.alloc(0)
  private wanted: (() => void) | undefined
  private idle: (() => void) | undefined
  private closed: Error | undefined

  receive(chunk: Buffer): Promise<void> {
    this.data = this.data.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.data, chunk])
    return new Promise((resolve) => {
      this.idle = resolve
      this.wake()
    })
  }

  /** The peer is gone, or nobody wants it any more: whoever waits gets the error. */
  close(error: Error): void {
    this.closed = error
    this.release()
    this.wake()
  }

  /** Starts over on a new socket. */
  reset(): void {
    this.data = Buffer.alloc(0)
    this.closed = undefined
  }

  get empty(): boolean {
    return this.data.length === 0
  }

  /** Ends the hand-shake: the pending `receive` resolves, what is left belongs to the caller. */
  finish(): Buffer {
    const left = this.data
    this.data = Buffer.alloc(0)
    this.release()
    return left
  }

  private wake(): void {
    const { wanted } = this
    this.wanted = undefined
    wanted?.()
  }

  private release(): void {
    const { idle } = this
    this.idle = undefined
    idle?.()
  }

  private async need(count: number): Promise<void> {
    while (this.data.length < count) {
      if (this.closed !== undefined) throw this.closed
      this.release()
      await new Promise<void>((resolve) => {
        this.wanted = resolve
      })
    }
  }

  /** The next bytes, without taking them. */
  async peek(count: number): Promise<Buffer> {
    await this.need(count)
    return this.data.subarray(0, count)
  }

  async take(count: number): Promise<Buffer> {
    await this.need(count)
    const taken = this.data.subarray(0, count)
    this.data = this.data.subarray(count)
    return taken
  }

  /** The next typed message. @throws MalformedFrame when its length is below four or above `bytesMax`. */
  async message(bytesMax: number): Promise<InboundMessage> {
    const length = (await this.peek(5)).readInt32BE(1)
    if (length < 4 || length > bytesMax) throw new MalformedFrame('invalid message length')
    const bytes = await this.take(length + 1)
    return { type: bytes[0] as number, bytes }
  }
}
