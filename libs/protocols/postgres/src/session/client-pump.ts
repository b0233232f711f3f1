import { Refusal } from '@sallyport/protocol-kit'
import { BodyReader } from '../codec/decode.js'
import { FrameReader } from '../codec/frames.js'
import { flush, query } from '../codec/encode.js'
import { MalformedFrame } from '../codec/malformed.js'
import { frontend } from '../codec/types.js'
import { limits } from '../limits.js'
import type { Conversation } from './conversation.js'
import { CopyIn } from './copy-in.js'
import { Extended } from './extended.js'
import { refuseMessage } from './refuse-message.js'
import { callFunction, simpleQuery } from './simple.js'

const large: ReadonlySet<number> = new Set([frontend.query, frontend.parse, frontend.bind, frontend.functionCall])
const small: ReadonlySet<number> = new Set([
  frontend.describe, frontend.execute, frontend.close, frontend.sync, frontend.flush, frontend.copyDone, frontend.copyFail, frontend.terminate,
])

const protocolViolation = '08P01'

const clientRule = (type: number, length: number): 'whole' | 'stream' | 'skip' => {
  if (large.has(type)) return length > limits.clientMessageBytesMax ? 'skip' : 'whole'
  if (type === frontend.copyData) return 'stream'
  if (!small.has(type)) throw new MalformedFrame(`invalid frontend message type ${type}`)
  if (length > limits.clientSmallMessageBytesMax) throw new MalformedFrame('invalid message length')
  return 'whole'
}

/** The client's side of an open session: judges what has an effect, and forwards everything else in its place, adjacent messages in one write. */
export class ClientPump {
  private readonly reader = new FrameReader(clientRule)
  private readonly extended: Extended
  private readonly copyIn: CopyIn
  /** The client said that it goes, or something that no server goes on after: what follows is not read. */
  terminated = false

  constructor(private readonly conversation: Conversation) {
    this.extended = new Extended(conversation)
    this.copyIn = new CopyIn(conversation)
  }

  /** @throws MalformedFrame when the stream can't be followed any more. */
  receive(chunk: Buffer): void | Promise<void> {
    const { reader } = this
    if (this.terminated) return undefined
    reader.feed(chunk)
    try {
      while (this.next()) {
        const pending = this.handle()
        if (pending !== undefined) return this.rest(pending).catch((error: unknown) => this.broken(error))
      }
    } catch (error) {
      return this.broken(error)
    }
    return this.finishChunk()
  }

  private async rest(first: Promise<void>): Promise<void> {
    await first
    while (this.next()) {
      const pending = this.handle()
      if (pending !== undefined) await pending
    }
    await this.finishChunk()
  }

  private next(): boolean {
    return !this.conversation.ended && !this.terminated && this.reader.next()
  }

  /** The stream can't be followed any more. What was forwarded before is answered first, as by a server that reads in order. @throws what it is given */
  private async broken(error: unknown): Promise<void> {
    const { conversation } = this
    if (!(error instanceof MalformedFrame)) throw error
    await this.copyIn.forward()
    conversation.toTarget.flush()
    if (conversation.copyIn !== undefined && !conversation.copyInOpen) await conversation.whenCopyInSettled()
    if (conversation.copyInOpen && !(await this.interruptCopy())) return
    if (conversation.ended) throw error
    conversation.toTarget.write(flush)
    conversation.toTarget.flush()
    if (conversation.expectations.first?.doubtful !== true) await conversation.expectations.whenBelow(1)
    throw error
  }

  /**
   * Anything but data ends the COPY and, because the server was reading data, the session: the target itself says so when it gets this empty query,
   * and is sent nothing more, so that its word isn't lost. Where the COPY has failed meanwhile, the query does nothing, and the session goes on: then true.
   */
  private async interruptCopy(): Promise<boolean> {
    const { conversation } = this
    const { copyIn } = conversation
    conversation.toTarget.write(query(''))
    conversation.expect('query').swallow = true
    conversation.toTarget.flush()
    await conversation.whenCopyInSettled()
    this.terminated = copyIn?.failure === protocolViolation
    return !this.terminated
  }

  private finishChunk(): void | Promise<void> {
    if (this.conversation.ended) return undefined
    const pending = this.copyIn.forward()
    if (pending !== undefined) return pending.then(() => this.conversation.toTarget.flush())
    this.conversation.toTarget.flush()
    return undefined
  }

  private handle(): void | Promise<void> {
    const { type } = this.reader
    if (type === frontend.copyData) return this.copyIn.data(this.reader)
    const copied = this.copyIn.forward()
    return copied === undefined ? this.handleMessage() : copied.then(() => this.handleMessage())
  }

  private handleMessage(): void | Promise<void> {
    const { reader, conversation } = this
    const { type, buffer, start, end } = reader
    if (conversation.ended) return undefined
    switch (type) {
      case frontend.copyDone:
      case frontend.copyFail:
        return this.copyIn.done(reader)
      case frontend.flush:
        if (end - start !== 5 && !conversation.copyInOpen) return this.command()
        conversation.toTarget.pass(buffer, start, end)
        return undefined
      case frontend.sync:
        conversation.skipping = false
        conversation.expect('sync')
        conversation.toTarget.pass(buffer, start, end)
        return undefined
      case frontend.terminate:
        this.terminated = true
        conversation.toTarget.pass(buffer, start, end)
        conversation.toTarget.flush()
        return undefined
      default:
        return this.command()
    }
  }

  /** Messages that the target answers, and ignores until Sync after an error. */
  private command(): void | Promise<void> {
    const { reader, conversation } = this
    if (conversation.copyInOpen) return this.interruptCopy().then((goesOn) => (goesOn ? this.handleMessage() : undefined))
    const obstacle = this.obstacle()
    if (obstacle !== undefined) return obstacle.then(() => this.handleMessage())
    if (conversation.skipping) return undefined
    if (reader.skipped) {
      refuseMessage(conversation, reader.type, new Refusal('limit', `a message may have ${limits.clientMessageBytesMax} bytes at most`))
      return undefined
    }
    try {
      return this.dispatch()
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error
      refuseMessage(conversation, reader.type, new Refusal('malformed', error.message))
      return undefined
    }
  }

  /** What must happen before the next command can be understood. */
  private obstacle(): Promise<void> | undefined {
    const { conversation } = this
    if (conversation.copyIn !== undefined) {
      conversation.toTarget.flush()
      return conversation.whenCopyInSettled()
    }
    if (conversation.expectations.length >= limits.outstandingMax) {
      conversation.toTarget.flush()
      return conversation.expectations.whenBelow(limits.outstandingMax / 2)
    }
    return undefined
  }

  private dispatch(): void | Promise<void> {
    const { reader, conversation, extended } = this
    const body = new BodyReader(reader.buffer, reader.start + 5, reader.end)
    switch (reader.type) {
      case frontend.bind:
        return extended.bind(reader, body)
      case frontend.execute:
        return extended.execute(reader, body)
      case frontend.describe:
        return extended.describe(reader, body)
      case frontend.parse:
        return extended.parse(reader, body)
      case frontend.close:
        return extended.close(reader, body)
      case frontend.query:
        return simpleQuery(conversation, reader, body)
      case frontend.flush:
        return body.finish()
      default:
        return callFunction(conversation, reader, body)
    }
  }
}
