import type { FrameReader } from '../codec/frames.js'
import { int32, message } from '../codec/encode.js'
import { backend } from '../codec/types.js'
import { BodyReader } from '../codec/decode.js'
import { Masker, Scratch } from '../results/masker.js'
import { maskField } from '../results/mask-field.js'
import { oid } from '../values.js'
import type { Command } from './command.js'
import type { Conversation } from './conversation.js'
import { unknownOutputs } from './copy-out.js'
import type { Expectation } from './expectations.js'
import { relay } from './answers.js'
import { unexpected } from './unexpected.js'

/** Rows up to this size are copied behind a rewritten one, so that a chunk of rows leaves in one piece. */
const gatheredBytesMax = 2048

/** Delivers rows: untouched ones as ranges of the chunk, rewritten ones from the scratch. */
export class Rows {
  private readonly scratch = new Scratch()
  private counted: Command | undefined
  private readonly count = (rule: string): void => this.counted?.countMasked(rule)

  constructor(private readonly conversation: Conversation) {}

  row(first: Expectation | undefined, reader: FrameReader): void | Promise<void> {
    if (first === undefined || first.refusal !== undefined || (first.kind !== 'execute' && first.kind !== 'query')) throw unexpected(reader.type)
    const { masker } = first
    if (masker !== undefined) {
      this.deliver(first, masker, reader)
      return undefined
    }
    const shape = first.kind === 'query' ? first.shape : first.portal?.shape
    if (shape === undefined || first.command === undefined) throw unexpected(reader.type)
    const found = shape.maskerFor(this.conversation.host, first.command.touches, this.conversation.catalogEpoch)
    if (!(found instanceof Promise)) {
      first.masker = found
      this.deliver(first, found, reader)
      return undefined
    }
    this.conversation.toClient.flush()
    return found.then((late) => {
      first.masker = late
      this.deliver(first, late, reader)
    })
  }

  private deliver(first: Expectation, masker: Masker, reader: FrameReader): void {
    const { conversation, scratch } = this
    const { buffer, start, end } = reader
    const { command } = first
    if (masker.passesAll) {
      conversation.midFrame = !reader.last
      relay(conversation, first, reader)
      return
    }
    this.counted = command
    let row = masker.rewrite(buffer, start, end, scratch, this.count)
    if (row < 0) {
      if (end - start > gatheredBytesMax || !conversation.toClient.holds(scratch.buffer)) {
        relay(conversation, first, reader)
        return
      }
      row = scratch.reserve(end - start, scratch.used)
      buffer.copy(scratch.buffer, scratch.used, start, end)
      scratch.used += end - start
    }
    conversation.toClient.pass(scratch.buffer, row, scratch.used)
    command?.delivered(scratch.buffer, row, scratch.used)
  }
}

/** FunctionCallResponse: one value of unknown origin. */
export const functionResult = (conversation: Conversation, first: Expectation, reader: FrameReader): void | Promise<void> => {
  const { command } = first
  if (first.kind !== 'function' || command === undefined) throw unexpected(reader.type)
  const plan = conversation.host.maskPlan({ touches: command.touches, outputs: unknownOutputs(1) })
  const deliver = (output: Awaited<typeof plan>): void => {
    const { buffer, start, end } = reader
    const body = new BodyReader(buffer, start + 5, end)
    const value = body.value()
    body.finish()
    const rule = output.outputs[0]
    const field = { name: 'result', table: 0, attribute: 0, type: oid.bytea, format: 1 }
    const masked = rule === undefined || value === null ? undefined : maskField(value, 0, value.length, field, rule, conversation.settings.codec)
    if (masked === undefined) {
      relay(conversation, first, reader)
      return
    }
    command.countMasked(rule?.mask.rule ?? '')
    const frame = message(backend.functionCallResponse, int32(-1))
    conversation.toClient.pass(frame, 0, frame.length)
    command.delivered(frame, 0, frame.length)
  }
  return plan instanceof Promise ? plan.then(deliver) : deliver(plan)
}
