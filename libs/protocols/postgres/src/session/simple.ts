import { Refusal } from '@sallyport/protocol-kit'
import type { BodyReader } from '../codec/decode.js'
import type { FrameReader } from '../codec/frames.js'
import { FunctionOperation, QueryOperation, recogniseFunctionCall } from '../operations.js'
import type { Conversation } from './conversation.js'
import { statementsOf } from './effective.js'
import { noteForwarded } from './forwarded.js'
import { judge, type Judged } from './judgement.js'
import { meaningOf, recogniseText, type Meaning } from './recognising.js'
import { refuseMessage } from './refuse-message.js'
import { copyProblem } from './copy-out.js'

type Done = void | Promise<void>

/** The bytes of one message, kept across a wait: the reader moves on only afterwards. */
export interface Frame {
  readonly type: number
  readonly buffer: Buffer
  readonly start: number
  readonly end: number
}

/** Simple Query: the whole text is recognised and judged before any of it runs. @throws MalformedFrame */
export const simpleQuery = (conversation: Conversation, frame: FrameReader, body: BodyReader): Done => {
  const raw = body.cstring()
  body.finish()
  const text = conversation.decode(raw)
  const doubt = conversation.parsingSettled(text)
  // What has been waited for may have changed the encoding, too.
  if (doubt !== undefined) return doubt.then(() => recognised(conversation, frame, conversation.decode(raw)))
  return recognised(conversation, frame, text)
}

const recognised = (conversation: Conversation, frame: Frame, text: string): Done => {
  const own = recogniseText(conversation, text)
  if (own instanceof Promise) {
    conversation.toTarget.flush()
    return own.then((recognition) => understood(conversation, frame, text, meaningOf(conversation, recognition, text)))
  }
  return understood(conversation, frame, text, meaningOf(conversation, own, text))
}

const understood = (conversation: Conversation, frame: Frame, text: string, meaning: Meaning | Promise<Meaning>): Done => {
  if (meaning instanceof Promise) return meaning.then((late) => understood(conversation, frame, text, late))
  if (conversation.ended) return undefined
  if (meaning.definitions.length > 0 && conversation.statements.full(text.length)) {
    return forward(conversation, frame, text, meaning, new Refusal('limit', 'too many prepared statements in this session'))
  }
  if (meaning.cursors.length > 0 && conversation.portals.full(0)) {
    return forward(conversation, frame, text, meaning, new Refusal('limit', 'too many cursors in this session'))
  }
  const input = statementsOf(meaning.recognition).some((statement) => statement.copy === 'in') ? 'stream' : 'none'
  const judged = judge(conversation, new QueryOperation(meaning.recognition, text, input, conversation.operationContext(), meaning))
  return judged instanceof Promise ? judged.then((late) => checkCopy(conversation, frame, text, meaning, late)) : checkCopy(conversation, frame, text, meaning, judged)
}

const checkCopy = (conversation: Conversation, frame: Frame, text: string, meaning: Meaning, judged: Judged): Done => {
  if (judged instanceof Refusal || !statementsOf(meaning.recognition).some((statement) => statement.copy === 'out')) return forward(conversation, frame, text, meaning, judged)
  const problem = copyProblem(conversation, text, meaning.recognition, judged)
  return problem.then((late) => forward(conversation, frame, text, meaning, late ?? judged))
}

const forward = (conversation: Conversation, frame: Frame, text: string, meaning: Meaning, judged: Judged): void => {
  if (conversation.dropped(judged)) return
  if (judged instanceof Refusal) {
    refuseMessage(conversation, frame.type, judged)
    return
  }
  conversation.toTarget.pass(frame.buffer, frame.start, frame.end)
  const expectation = conversation.expect('query')
  expectation.command = judged
  expectation.text = text
  noteForwarded(conversation, expectation, text, meaning)
}

/** FunctionCall, the obsolete fast path that libpq's large objects still use. @throws MalformedFrame */
export const callFunction = (conversation: Conversation, frame: FrameReader, body: BodyReader): Done => {
  const at = body.at
  if (body.end - at < 4) {
    // Too short to name a function: the target refuses it, in whatever state it is.
    conversation.toTarget.pass(frame.buffer, frame.start, frame.end)
    conversation.expect('function')
    return undefined
  }
  const recognition = recogniseFunctionCall(body.uint32())
  const text = `FunctionCall ${recognition.effects[0]?.facts['functions']?.toString() ?? ''}`
  const operation = new FunctionOperation(recognition, text, frame.buffer.subarray(at, frame.end), conversation.operationContext())
  const judged = judge(conversation, operation)
  return judged instanceof Promise ? judged.then((late) => forwardCall(conversation, frame, late)) : forwardCall(conversation, frame, judged)
}

const forwardCall = (conversation: Conversation, frame: Frame, judged: Judged): void => {
  if (conversation.dropped(judged)) return
  if (judged instanceof Refusal) {
    refuseMessage(conversation, frame.type, judged)
    return
  }
  conversation.toTarget.pass(frame.buffer, frame.start, frame.end)
  conversation.expect('function').command = judged
  conversation.wrote = true
  conversation.stringsDoubt = true
}
