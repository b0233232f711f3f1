import { Refusal } from '@sallyport/protocol-kit'
import type { Outflow } from '../channels/outflow.js'
import { withoutControls } from '../errors.js'
import type { ReadAhead } from './read-ahead.js'

const LINE_BYTES_MAX = 4096

/** scp's stream with a client: lines, acknowledgements, and content. */
export class ScpWire {
  private rest: Buffer = Buffer.alloc(0)
  /** Whether anything was refused or failed: then the exit status says so. */
  failed = false

  constructor(private readonly ahead: ReadAhead, private readonly outflow: Outflow) {}

  /** A line without its end; undefined at the end of the stream. Rejects with a Refusal (`malformed`). */
  async line(): Promise<Buffer | undefined> {
    for (;;) {
      const end = this.rest.indexOf(10)
      if (end > LINE_BYTES_MAX || (end < 0 && this.rest.length > LINE_BYTES_MAX)) throw new Refusal('malformed', 'a message of scp that is too long')
      if (end >= 0) {
        const line = this.rest.subarray(0, end)
        this.rest = this.rest.subarray(end + 1)
        return line
      }
      const more = await this.ahead.next()
      if (more === undefined) {
        if (this.rest.length > 0) throw new Refusal('malformed', 'a message of scp that ends too early')
        return undefined
      }
      this.rest = Buffer.concat([this.rest, more])
    }
  }

  /** Content that has come, at most so much. Rejects with a Refusal when the client left. */
  async some(bytesMax: number): Promise<Buffer> {
    if (this.rest.length === 0) this.rest = await this.ahead.next() ?? Buffer.alloc(0)
    if (this.rest.length === 0) throw new Refusal('malformed', 'a file of scp that ends too early')
    const taken = this.rest.subarray(0, bytesMax)
    this.rest = this.rest.subarray(taken.length)
    return taken
  }

  /** The client's answer: whether it goes on with this. Rejects with a Refusal when it doesn't go on at all. */
  async acknowledged(): Promise<boolean> {
    if (this.rest.length === 0) this.rest = await this.ahead.next() ?? Buffer.alloc(0)
    if (this.rest.length === 0) throw clientLeft()
    const [answer] = await this.some(1)
    if (answer === 0) return true
    if (answer !== 1 && answer !== 2) throw new Refusal('malformed', 'an answer that is not scp\'s')
    await this.line()
    this.failed = true
    if (answer === 2) throw new Refusal('malformed', 'the client gave up')
    return false
  }

  acknowledge(): void {
    this.write(Buffer.from([0]))
  }

  /** Says that this one thing is not done. */
  problem(text: string): void {
    this.failed = true
    this.write(Buffer.from(`\u0001${withoutControls(`scp: ${text}`)}\n`))
  }

  write(bytes: Buffer): void {
    this.outflow.write('output', bytes)
  }

  /** Rejects with a Refusal (`killed`) when the client has left: it says nothing while it is sent a file. */
  async whenRoom(): Promise<void> {
    const { left } = this.ahead
    const room = this.outflow.whenRoom()
    if (room !== undefined && !left.aborted) {
      const leaving = Promise.withResolvers<void>()
      const leave = (): void => leaving.resolve()
      left.addEventListener('abort', leave, { once: true })
      await Promise.race([room, leaving.promise])
      left.removeEventListener('abort', leave)
    }
    if (left.aborted) throw clientLeft()
  }
}

const clientLeft = (): Refusal => new Refusal('killed', 'the client left')
