import type { FrameReader } from '../codec/frames.js'
import { backend } from '../codec/types.js'
import { BodyReader } from '../codec/decode.js'
import { Shape } from '../results/shape.js'
import type { Conversation } from './conversation.js'
import type { Expectation } from './expectations.js'
import { unexpected } from './unexpected.js'

/** Relays the frame and counts it as delivered for the command. */
export const relay = (conversation: Conversation, first: Expectation, { buffer, start, end }: FrameReader): void => {
  conversation.toClient.pass(buffer, start, end, first.command)
}

/** ParseComplete, BindComplete, CloseComplete. */
export const prepared = (conversation: Conversation, first: Expectation, reader: FrameReader): void => {
  const { statement, portal } = first
  switch (reader.type) {
    case backend.parseComplete:
      if (first.kind !== 'parse') throw unexpected(reader.type)
      if (statement !== undefined) conversation.statements.confirm(statement)
      break
    case backend.bindComplete:
      if (first.kind !== 'bind') throw unexpected(reader.type)
      if (portal !== undefined) {
        for (let former = portal.previous; former !== undefined; former = former.previous) {
          const { command, adopted } = former
          if (command?.finished === false) conversation.toClient.after(() => command.finish(adopted ? 'completed' : 'cancelled'))
        }
        conversation.portals.confirm(portal)
      }
      break
    default:
      if (first.kind !== 'close') throw unexpected(reader.type)
      if (statement !== undefined) conversation.statements.remove(statement)
      if (portal !== undefined) conversation.endPortal(portal)
  }
  conversation.expectations.shift()
  conversation.toClient.pass(reader.buffer, reader.start, reader.end)
}

/** RowDescription, NoData, ParameterDescription. */
export const described = (conversation: Conversation, first: Expectation, reader: FrameReader): void => {
  const { buffer, start, end, type } = reader
  if (first.kind === 'query') {
    if (type !== backend.rowDescription) throw unexpected(type)
    first.shape = new Shape(buffer, start, end, conversation.settings.codec)
    first.masker = undefined
    if (first.command !== undefined) first.command.shape = first.shape.captured
    relay(conversation, first, reader)
    return
  }
  if (type === backend.parameterDescription) {
    if (first.kind !== 'describe-statement') throw unexpected(type)
    if (first.statement !== undefined) first.statement.parameterTypes = parameterTypes(reader)
    conversation.toClient.pass(buffer, start, end)
    return
  }
  if (first.kind !== 'describe-statement' && first.kind !== 'describe-portal') throw unexpected(type)
  const statement = first.kind === 'describe-statement' ? first.statement : first.portal?.statement
  if (type === backend.noData && statement !== undefined) statement.rowless = true
  if (type === backend.rowDescription && first.kind === 'describe-portal') shapeOfPortal(conversation, first, reader)
  conversation.expectations.shift()
  if (!first.swallow) conversation.toClient.pass(buffer, start, end)
}

/** Repeated descriptions are the rule: the former shape, with all that was found out about it, stays when the bytes are the same. */
const shapeOfPortal = (conversation: Conversation, { portal }: Expectation, { buffer, start, end }: FrameReader): void => {
  if (portal === undefined) return
  const { codec } = conversation.settings
  const former = portal.statement.shape
  const shape = former?.same(buffer, start, end, codec) === true ? former : new Shape(buffer, start, end, codec)
  portal.statement.shape = shape
  portal.shape = shape
}

const parameterTypes = ({ buffer, start, end }: FrameReader): readonly number[] => {
  const body = new BodyReader(buffer, start + 5, end)
  const types: number[] = []
  for (let count = body.uint16(); count > 0; count--) types.push(body.uint32())
  body.finish()
  return types
}

/** Rows of a command tag: its last word, where that is a number. */
const tagRows = (tag: string): number => {
  const last = tag.slice(tag.lastIndexOf(' ') + 1)
  return /^\d{1,15}$/.test(last) ? Number(last) : 0
}

/** CommandComplete or EmptyQueryResponse: the end of an Execute, or of one statement of a simple query. */
export const completed = (conversation: Conversation, first: Expectation, reader: FrameReader): void => {
  if (first.kind !== 'query' && first.kind !== 'execute') throw unexpected(reader.type)
  if (first.swallow) return
  relay(conversation, first, reader)
  const { command } = first
  const tag = reader.type === backend.emptyQuery ? '' : reader.buffer.toString('latin1', reader.start + 5, reader.end - 1)
  if (command !== undefined) {
    command.status = tag
    command.rows += tagRows(tag)
  }
  if (tag === 'ROLLBACK') conversation.doubtSettings()
  if (command?.changesCatalog === true) conversation.catalogEpoch += 1
  first.masker = undefined
  first.shape = undefined
  if (first.copyActive) endCopyIn(conversation, first)
  if (first.kind === 'query') return
  conversation.expectations.shift()
  if (first.portal !== undefined) {
    first.portal.command = undefined
    if (command !== undefined) command.shape ??= first.portal.shape?.captured
  }
  first.afterwards?.(true)
  if (command !== undefined) conversation.toClient.after(() => command.finish('completed'))
}

/** COPY took all its data: a Sync sent meanwhile was swallowed for certain. */
const endCopyIn = (conversation: Conversation, first: Expectation): void => {
  first.copyActive = false
  conversation.expectations.dropBehindFirst(({ during }) => during?.copy === first && during.index < first.copiesBegun)
  if (conversation.copyIn === first && first.copiesBegun >= first.copiesIn) conversation.settleCopyIn(false)
}

/** PortalSuspended: the row limit of an Execute is reached, its portal goes on with the next one. */
export const suspended = (conversation: Conversation, first: Expectation, reader: FrameReader): void => {
  if (first.kind !== 'execute') throw unexpected(reader.type)
  relay(conversation, first, reader)
  conversation.expectations.shift()
  const { command, portal } = first
  if (command === undefined) return
  command.shape ??= portal?.shape?.captured
  command.status = 'suspended'
  conversation.toClient.after(() => command.settle())
}
