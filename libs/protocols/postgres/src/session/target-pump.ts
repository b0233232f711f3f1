import { FrameReader } from '../codec/frames.js'
import { MalformedFrame } from '../codec/malformed.js'
import { backend, status } from '../codec/types.js'
import { limits } from '../limits.js'
import { asynchronous, failed } from './reports.js'
import type { Conversation } from './conversation.js'
import type { Expectation } from './expectations.js'
import { completed, described, prepared, suspended } from './answers.js'
import { copyBegins, copyRow, copyRowsEnd } from './copy-answers.js'
import { unexpected } from './unexpected.js'
import { functionResult, Rows } from './rows.js'

/**
 * The target's side of an open session: every frame belongs to the oldest message that has no complete answer yet. Frames that need no
 * rewriting leave as ranges of the chunk, in one write. Nothing of a command's answer leaves before its event is acknowledged.
 */
export class TargetPump {
  private readonly reader: FrameReader
  private readonly rows: Rows

  constructor(private readonly conversation: Conversation) {
    this.rows = new Rows(conversation)
    this.reader = new FrameReader((type, length) => this.rule(type, length))
  }

  /** @throws MalformedFrame when the target breaks the protocol; Refusal when what it says may not be delivered. */
  receive(chunk: Buffer): void | Promise<void> {
    const { reader, conversation } = this
    reader.feed(chunk)
    while (!conversation.ended && reader.next()) {
      const pending = this.handle()
      if (pending !== undefined) return this.rest(pending)
    }
    this.finishChunk()
    return undefined
  }

  private async rest(first: Promise<void>): Promise<void> {
    const { reader, conversation } = this
    await first
    while (!conversation.ended && reader.next()) {
      const pending = this.handle()
      if (pending !== undefined) await pending
    }
    this.finishChunk()
  }

  private finishChunk(): void {
    const { conversation } = this
    if (conversation.ended) return
    conversation.toClient.flush()
    conversation.expectations.first?.command?.settle()
  }

  /** Rows that pass untouched may be of any size; everything else must be seen whole. */
  private rule(type: number, length: number): 'whole' | 'stream' {
    const first = this.conversation.expectations.first
    if (type === backend.dataRow && first?.masker?.passesAll === true && first.command?.acknowledged === true) return 'stream'
    if (type === backend.copyData && first?.copyPasses === true && first.command?.acknowledged === true) return 'stream'
    if (length > limits.targetMessageBytesMax) throw new MalformedFrame('a message is too large to be inspected')
    return 'whole'
  }

  private handle(): void | Promise<void> {
    const { conversation, reader } = this
    const first = this.owner()
    const command = first?.command
    if (command !== undefined && !command.acknowledged) {
      const { host } = conversation
      const { sequence } = command.ticket
      if (host.acknowledged(sequence)) {
        command.acknowledged = true
      } else {
        conversation.toClient.flush()
        return host.whenAcknowledged(sequence).then(() => {
          command.acknowledged = true
          return conversation.ended ? undefined : this.dispatch(first)
        })
      }
    }
    if (!reader.first) {
      this.continued(first)
      return undefined
    }
    return this.dispatch(first)
  }

  /** The next piece of a row that passes. */
  private continued(first: Expectation | undefined): void {
    const { reader, conversation } = this
    conversation.midFrame = !reader.last
    conversation.toClient.pass(reader.buffer, reader.start, reader.end, first?.command)
    if (reader.last) conversation.releaseNotices()
  }

  private dispatch(first: Expectation | undefined): void | Promise<void> {
    const { conversation, reader } = this
    const { type } = reader
    if (type === backend.dataRow) return this.rows.row(first, reader)
    switch (type) {
      case backend.readyForQuery:
        return this.ready(first)
      case backend.error:
        return failed(conversation, first, reader)
      case backend.notice:
      case backend.notification:
      case backend.parameterStatus:
        return asynchronous(conversation, first, reader)
      case backend.copyData:
        return copyRow(conversation, first, reader)
      default:
        return this.answer(first)
    }
  }

  /** Whose answer the frame is. A Sync whose answer may never come, because COPY swallowed it, gives way to what answers something behind it. */
  private owner(): Expectation | undefined {
    const { expectations } = this.conversation
    const { type } = this.reader
    let first = expectations.first
    if (first?.doubtful !== true || type === backend.readyForQuery) return first
    if (type === backend.notice || type === backend.notification || type === backend.parameterStatus) return expectations.all().find((item) => !item.doubtful)
    while (first?.doubtful === true) {
      expectations.shift()
      first = expectations.first
    }
    return first
  }

  private answer(first: Expectation | undefined): void | Promise<void> {
    const { conversation, reader } = this
    if (first === undefined || first.refusal !== undefined || first.message !== undefined) throw unexpected(reader.type)
    switch (reader.type) {
      case backend.commandComplete:
      case backend.emptyQuery:
        return completed(conversation, first, reader)
      case backend.portalSuspended:
        return suspended(conversation, first, reader)
      case backend.parseComplete:
      case backend.bindComplete:
      case backend.closeComplete:
        return prepared(conversation, first, reader)
      case backend.rowDescription:
      case backend.noData:
      case backend.parameterDescription:
        return described(conversation, first, reader)
      case backend.copyInResponse:
      case backend.copyOutResponse:
        return copyBegins(conversation, first, reader)
      case backend.copyDone:
        return copyRowsEnd(conversation, first, reader)
      case backend.functionCallResponse:
        return functionResult(conversation, first, reader)
      default:
        throw unexpected(reader.type)
    }
  }

  private ready(first: Expectation | undefined): void {
    const { conversation, reader } = this
    const { buffer, start, end } = reader
    const now = buffer[start + 5]
    if (end - start !== 6 || (now !== status.idle && now !== status.block && now !== status.failed)) throw new MalformedFrame('malformed ReadyForQuery')
    if (first?.answeredByReady !== true || (first.refusal !== undefined && !first.failed)) throw unexpected(reader.type)
    if (!first.swallow) conversation.toClient.pass(buffer, start, end, first.command)
    conversation.expectations.shift()
    const next = conversation.expectations.first
    if (first.doubtful && next?.kind === 'sync') next.doubtful = true
    else if (first.doubtful && next?.answeredByReady === false) conversation.ambiguous = true
    const { command } = first
    if (command !== undefined) conversation.toClient.after(() => command.finish(first.failed ? 'failed' : 'completed'))
    first.afterwards?.(!first.failed)
    if (first.copyIn && conversation.copyIn === first) conversation.settleCopyIn(false)
    conversation.ready(now, first.batch)
    conversation.releaseNotices()
  }
}

