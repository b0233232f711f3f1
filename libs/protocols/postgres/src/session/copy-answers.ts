import { BodyReader } from '../codec/decode.js'
import type { FrameReader } from '../codec/frames.js'
import { MalformedFrame } from '../codec/malformed.js'
import { backend } from '../codec/types.js'
import { CopyMasker } from '../results/copy-masker.js'
import type { Conversation } from './conversation.js'
import { maskableFormat, unknownOutputs } from './copy-out.js'
import type { Expectation } from './expectations.js'
import { forResults } from './resolution.js'
import { relay } from './answers.js'
import { unexpected } from './unexpected.js'

/** CopyInResponse or CopyOutResponse. CopyBothResponse belongs to replication, which is refused. */
export const copyBegins = (conversation: Conversation, first: Expectation, reader: FrameReader): void | Promise<void> => {
  const { command } = first
  if ((first.kind !== 'query' && first.kind !== 'execute') || command === undefined) throw unexpected(reader.type)
  const body = new BodyReader(reader.buffer, reader.start + 5, reader.end)
  const binary = body.uint8() === 1
  const columns = body.int16()
  if (reader.type === backend.copyInResponse) {
    if (!first.copyIn) throw unexpected(reader.type)
    first.copiesBegun += 1
    first.copyActive = true
    if (conversation.copyIn === first && first.copiesBegun > first.copiesEnded) conversation.settleCopyIn(true)
    relay(conversation, first, reader)
    return undefined
  }
  if (!first.copyOut) throw unexpected(reader.type)
  const plan = conversation.host.maskPlan({ touches: forResults(command.touches), outputs: unknownOutputs(Math.max(columns, 0)) })
  const begin = (output: Awaited<typeof plan>): void => {
    const format = maskableFormat(first.text)
    first.copyPasses = output.passesAll || output.outputs.every((column) => column === undefined)
    if (!first.copyPasses && (format === undefined || binary)) throw new MalformedFrame('the output of this COPY cannot be masked')
    first.copyMasker = format === undefined ? undefined : new CopyMasker(output, columns, format, conversation.settings.codec)
    relay(conversation, first, reader)
  }
  return plan instanceof Promise ? plan.then(begin) : begin(plan)
}

export const copyRow = (conversation: Conversation, first: Expectation | undefined, reader: FrameReader): void => {
  if (first?.copyOut !== true || first.command === undefined) throw unexpected(reader.type)
  const { command } = first
  if (first.copyPasses) {
    conversation.midFrame = !reader.last
    relay(conversation, first, reader)
    return
  }
  if (first.copyMasker === undefined) throw unexpected(reader.type)
  const frame = first.copyMasker.rewrite(reader.buffer, reader.start, reader.end, (rule) => command.countMasked(rule))
  if (frame === undefined) {
    relay(conversation, first, reader)
    return
  }
  conversation.toClient.pass(frame, 0, frame.length, command)
}

export const copyRowsEnd = (conversation: Conversation, first: Expectation, reader: FrameReader): void => {
  if (!first.copyOut) throw unexpected(reader.type)
  first.copyPasses = false
  first.copyMasker = undefined
  relay(conversation, first, reader)
}
