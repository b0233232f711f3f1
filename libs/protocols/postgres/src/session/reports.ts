import type { MaskPlan } from '@sallyport/protocol-kit'
import { BodyReader } from '../codec/decode.js'
import { int32, message } from '../codec/encode.js'
import type { FrameReader } from '../codec/frames.js'
import { backend } from '../codec/types.js'
import { refusalResponse, sqlState } from '../errors.js'
import { maskReport, replaceMessage, textPlan, touchesAnything, touchesNothing } from '../results/free-text.js'
import { refusalText } from '@sallyport/protocol-kit'
import type { Conversation } from './conversation.js'
import type { Expectation } from './expectations.js'
import { detailPlan } from './row-details.js'

/** The plan for texts that the target sends for a message; undefined: they must be withheld. */
const planOf = (conversation: Conversation, first: Expectation | undefined): MaskPlan | undefined | Promise<MaskPlan | undefined> => {
  const { host } = conversation
  if (conversation.ambiguous) return textPlan(host, touchesAnything)
  if (first?.command !== undefined) return textPlan(host, first.command.touches)
  const recognition = first?.statement?.recognition ?? first?.portal?.statement.recognition
  if (recognition === undefined) return textPlan(host, touchesNothing)
  const resolved = conversation.resolution.resolve(recognition)
  return resolved instanceof Promise ? resolved.then(({ touches }) => textPlan(host, touches)) : textPlan(host, resolved.touches)
}

/** ErrorResponse: ends a message, and in the extended protocol everything up to the next Sync. */
export const failed = (conversation: Conversation, first: Expectation | undefined, reader: FrameReader): void | Promise<void> => {
  if (first?.refusal !== undefined) {
    conversation.toClient.send(refusalResponse(first.refusal, 'ERROR'))
    settle(conversation, first, { code: sqlState(first.refusal), message: refusalText(first.refusal) })
    return undefined
  }
  if (first?.swallow === true && first.kind === 'query') {
    first.failed = true
    return undefined
  }
  const plan = planOf(conversation, first)
  const deliver = (known: MaskPlan | undefined, ofDetail: MaskPlan | undefined): void => {
    if (first?.message !== undefined) {
      const replaced = replaceMessage(reader.buffer, reader.start, reader.end, first.message)
      conversation.toClient.pass(replaced, 0, replaced.length)
      settle(conversation, first, { code: '', message: first.message })
      return
    }
    const { bytes, code, severity, message: text } = maskReport(reader.buffer, reader.start, reader.end, known, conversation.settings.codec, ofDetail)
    conversation.toClient.pass(bytes, 0, bytes.length, first?.command)
    if (severity === 'FATAL' || severity === 'PANIC') conversation.lastWord = true
    if (first !== undefined) settle(conversation, first, { code, message: text })
  }
  const detailed = (known: MaskPlan | undefined): void | Promise<void> => {
    const ofDetail = detailPlan(conversation, first, reader, known)
    return ofDetail instanceof Promise ? ofDetail.then((late) => deliver(known, late)) : deliver(known, ofDetail)
  }
  return plan instanceof Promise ? plan.then(detailed) : detailed(plan)
}

const settle = (conversation: Conversation, first: Expectation, failure: { readonly code: string; readonly message: string }): void => {
  first.failure = failure.code
  if (conversation.copyIn === first) conversation.settleCopyIn(false)
  if (first.copyActive) doubtSyncs(conversation, first)
  conversation.doubtSettings()
  fail(conversation, first, failure)
  if (first.answeredByReady) {
    first.failed = true
    return
  }
  const { expectations } = conversation
  expectations.shift()
  while (expectations.first !== undefined && expectations.first.kind !== 'sync') {
    const skipped = expectations.shift() as Expectation
    skipped.command?.finish('cancelled')
    forget(conversation, skipped)
    if (conversation.copyIn === skipped) conversation.settleCopyIn(false)
  }
  if (expectations.first === undefined) conversation.skipping = true
}

/** COPY failed: whether a Sync sent meanwhile was read before (and swallowed) or after is not known; one sent behind the data was read after. */
const doubtSyncs = (conversation: Conversation, first: Expectation): void => {
  first.copyActive = false
  for (const item of conversation.expectations.all()) item.doubtful ||= item.during?.copy === first && item.during.index === first.copiesBegun - 1
}

const fail = (conversation: Conversation, item: Expectation, failure: { readonly code: string; readonly message: string }): void => {
  const { command } = item
  if (command !== undefined) {
    command.failure = failure
    // A simple query ends with ReadyForQuery, everything else here.
    if (!item.answeredByReady) conversation.toClient.after(() => command.finish('failed'))
  }
  if (!item.answeredByReady) forget(conversation, item)
}

/** What the message would have defined does not exist. */
const forget = (conversation: Conversation, { kind, statement, portal, afterwards }: Expectation): void => {
  if (kind === 'parse' && statement !== undefined) conversation.statements.undo(statement)
  if (kind === 'bind' && portal !== undefined) conversation.portals.undo(portal)
  if (kind === 'execute' && portal !== undefined) portal.command = undefined
  afterwards?.(false)
}

/** What the target says unasked: notices, notifications, changed parameters. */
export const asynchronous = (conversation: Conversation, first: Expectation | undefined, reader: FrameReader): void | Promise<void> => {
  if (reader.type === backend.parameterStatus) {
    return parameter(conversation, first, reader)
  }
  const notice = reader.type === backend.notice
  const plan = notice ? planOf(conversation, first) : textPlan(conversation.host, touchesAnything)
  const deliver = (known: MaskPlan | undefined): void => {
    const bytes = notice ? maskReport(reader.buffer, reader.start, reader.end, known, conversation.settings.codec).bytes : notification(conversation, reader, known, first?.text)
    conversation.toClient.pass(bytes, 0, bytes.length)
  }
  return plan instanceof Promise ? plan.then(deliver) : deliver(plan)
}

/** Parameters that can hold any text. */
const freeParameters: ReadonlySet<string> = new Set(['application_name', 'search_path', 'timezone'])

/** ParameterStatus. A free text that the client hasn't said itself may be a value: set_config takes any. */
const parameter = (conversation: Conversation, first: Expectation | undefined, { buffer, start, end }: FrameReader): void | Promise<void> => {
  const body = new BodyReader(buffer, start + 5, end)
  const name = body.cstring().toString('utf8')
  const value = body.cstring().toString('utf8')
  body.finish()
  conversation.settings.report(name, value)
  if (first?.command === undefined || value === '' || !freeParameters.has(name.toLowerCase()) || first.text.includes(value)) {
    conversation.toClient.pass(buffer, start, end)
    return undefined
  }
  const plan = planOf(conversation, first)
  const deliver = (known: MaskPlan | undefined): void => {
    const bytes = known?.touchesMasked === false ? buffer.subarray(start, end) : message(backend.parameterStatus, name, nul, nul)
    conversation.toClient.pass(bytes, 0, bytes.length)
  }
  return plan instanceof Promise ? plan.then(deliver) : deliver(plan)
}

/**
 * NotificationResponse: the session's own notifications carry the process id that the client knows. Where columns are masked a payload, of which nobody
 * knows where it comes from, is emptied, unless the client itself has just said it.
 */
const notification = (conversation: Conversation, { buffer, start, end }: FrameReader, plan: MaskPlan | undefined, said: string | undefined): Buffer => {
  const body = new BodyReader(buffer, start + 5, end)
  const process = body.int32()
  const channel = body.cstring()
  const payload = body.cstring()
  body.finish()
  const { facts, settings } = conversation
  const own = process === facts.targetProcess
  const original = conversation.decode(payload)
  const masked = plan === undefined || (plan.touchesMasked && original !== '' && !(own && said?.includes(original) === true)) ? '' : plan.freeText(original)
  if (masked === original && !own) return buffer.subarray(start, end)
  const text = masked === original ? payload : (settings.codec?.encode(masked) ?? Buffer.from(masked.replace(/[^\x20-\x7e]/g, '?'), 'latin1'))
  return message(backend.notification, int32(own ? facts.ownProcess : process), channel, nul, text, nul)
}

const nul = Buffer.from([0])
