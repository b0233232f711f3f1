import { Refusal } from '@sallyport/protocol-kit'
import { BodyReader } from '../codec/decode.js'
import { FrameReader } from '../codec/frames.js'
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
  /** The client said that it goes. */
  terminated = false

  constructor(private readonly conversation: Conversation) {
    this.extended = new Extended(conversation)
    this.copyIn = new CopyIn(conversation)
  }

  /** @throws MalformedFrame when the stream can't be followed any more. */
  receive(chunk: Buffer): void | Promise<void> {
    const { reader, conversation } = this
    reader.feed(chunk)
    while (!conversation.ended && reader.next()) {
      const pending = this.handle()
      if (pending !== undefined) return this.rest(pending)
    }
    return this.finishChunk()
  }

  private async rest(first: Promise<void>): Promise<void> {
    const { reader, conversation } = this
    await first
    while (!conversation.ended && reader.next()) {
      const pending = this.handle()
      if (pending !== undefined) await pending
    }
    await this.finishChunk()
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
        conversation.toTarget.pass(buffer, start, end)
        return undefined
      case frontend.sync:
        if (end - start !== 5) throw new MalformedFrame('invalid message format')
        conversation.skipping = false
        conversation.expect('sync').doubtful = conversation.copyInOpen
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
    const obstacle = this.obstacle()
    if (obstacle !== undefined) return obstacle.then(() => (conversation.ended ? undefined : this.command()))
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
      if (conversation.copyInOpen) throw new MalformedFrame(`unexpected message type 0x${this.reader.type.toString(16)} during COPY from stdin`)
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
      default:
        return callFunction(conversation, reader, body)
    }
  }
}
