import { Refusal, type Operation, type Verdict } from '@sallyport/protocol-kit'
import type { StoringOperation } from '../operations.js'
import { heldNotice, sqlState } from '../errors.js'
import { refusalText } from '@sallyport/protocol-kit'
import { Command } from './command.js'
import type { Conversation } from './conversation.js'
import { statementsOf } from './effective.js'
import { masksInForce, maskWritten, stores } from './written-masks.js'

/** A command that may be forwarded now, or the reason why it may not. */
export type Judged = Command | Refusal

/**
 * Has an operation judged and, unless it is a proven read, waits until its event is acknowledged: so what comes back may be forwarded at once.
 * Answers at once when the host does.
 */
export const judge = (conversation: Conversation, operation: StoringOperation): Judged | Promise<Judged> => {
  if (stores(operation.recognition) && operation.holdsPlaceholder) return judgeWritten(conversation, operation)
  return ask(conversation, operation)
}

/** It would store the placeholder of a mask: refused, unless nothing is masked for whoever sends it. */
const judgeWritten = async (conversation: Conversation, operation: StoringOperation): Promise<Judged> => {
  conversation.toTarget.flush()
  if (await masksInForce(conversation.host)) operation.refusal = maskWritten()
  return ask(conversation, operation)
}

const ask = (conversation: Conversation, operation: Operation): Judged | Promise<Judged> => {
  const { host } = conversation
  const verdict = host.judge(operation, (notice) => {
    conversation.holding = true
    conversation.notify(heldNotice(notice.text, notice.command, notice.approval))
  })
  return verdict instanceof Promise ? judgeLate(conversation, operation, verdict) : judged(conversation, operation, verdict)
}

const judgeLate = async (conversation: Conversation, operation: Operation, pending: Promise<Verdict>): Promise<Judged> => {
  conversation.toTarget.flush()
  try {
    return await judged(conversation, operation, await pending)
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  } finally {
    conversation.holding = false
  }
}

const judged = (conversation: Conversation, operation: Operation, verdict: Verdict): Judged | Promise<Judged> => {
  if (verdict.kind === 'refuse') return verdict.refusal
  const { recognition } = operation
  const { ticket } = verdict
  if (!recognition.provenRead) conversation.resolution.note(recognition)
  const changesCatalog = !recognition.provenRead && (recognition.class === 'unrecognised' || statementsOf(recognition).some((statement) => statement.changesCatalog))
  const command = new Command(conversation.host, ticket, recognition.touches, changesCatalog)
  if (recognition.provenRead || recognition.alwaysAllowed) return command
  if (!conversation.host.acknowledged(ticket.sequence)) return acknowledge(conversation, command)
  command.acknowledged = true
  return command
}

const acknowledge = async (conversation: Conversation, command: Command): Promise<Judged> => {
  conversation.toTarget.flush()
  try {
    await conversation.host.whenAcknowledged(command.ticket.sequence)
    command.acknowledged = true
    return command
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    command.failure = { code: sqlState(error), message: refusalText(error) }
    command.finish('failed')
    return error
  }
}
