import type { FrameReader } from '../codec/frames.js'
import { int32, message } from '../codec/encode.js'
import { backend } from '../codec/types.js'
import { BodyReader } from '../codec/decode.js'
import type { Masker } from '../results/masker.js'
import { maskField } from '../results/mask-field.js'
import { oid } from '../values.js'
import type { Conversation } from './conversation.js'
import { unknownOutputs } from './copy-out.js'
import type { Expectation } from './expectations.js'
import { forResults } from './resolution.js'
import { relay } from './answers.js'
import { unexpected } from './unexpected.js'

/** Delivers rows: untouched ones as ranges of the chunk, rewritten ones through the scratch. */
export class Rows {
  constructor(private readonly conversation: Conversation) {}

  row(first: Expectation | undefined, reader: FrameReader): void | Promise<void> {
    if (first === undefined || first.refusal !== undefined || first.message !== undefined || (first.kind !== 'execute' && first.kind !== 'query')) throw unexpected(reader.type)
    const { masker } = first
    if (masker !== undefined) {
      this.deliver(first, masker, reader)
      return undefined
    }
    const shape = first.kind === 'query' ? first.shape : first.portal?.shape
    if (shape === undefined || first.command === undefined) throw unexpected(reader.type)
    const found = shape.maskerFor(this.conversation.host, forResults(first.command.touches), this.conversation.catalogEpoch, this.conversation.resolution.uncertain)
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
    const { conversation } = this
    const { buffer, start, end } = reader
    const { command } = first
    if (masker.passesAll) {
      conversation.midFrame = !reader.last
      relay(conversation, first, reader)
      return
    }
    if (command === undefined) return
    masker.deliver(buffer, start, end, conversation.toClient, command)
    // The rows behind it have the same owner and the same masking.
    while (reader.nextOf(backend.dataRow)) masker.deliver(reader.buffer, reader.start, reader.end, conversation.toClient, command)
  }
}

/** FunctionCallResponse: one value of unknown origin. */
export const functionResult = (conversation: Conversation, first: Expectation, reader: FrameReader): void | Promise<void> => {
  const { command } = first
  if (first.kind !== 'function' || command === undefined) throw unexpected(reader.type)
  const plan = conversation.host.maskPlan({ touches: forResults(command.touches), outputs: unknownOutputs(1) })
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
    conversation.toClient.pass(frame, 0, frame.length, command)
  }
  return plan instanceof Promise ? plan.then(deliver) : deliver(plan)
}
