import type { Refusal } from '@sallyport/protocol-kit'
import { describeStatement, execute, parse, query } from '../codec/encode.js'
import { frontend } from '../codec/types.js'
import type { Conversation } from './conversation.js'

/** Can't be parsed in any state of any server, so it fails like any other bad statement: the transaction aborts, the batch is skipped. */
const unparsable = 'refused by the gateway'

/**
 * Puts a message that always fails in the refused one's place: what follows from a failure (aborted transaction, skip to Sync, status)
 * is then the target's own doing. Its error text is replaced when it comes.
 */
export const refuseMessage = (conversation: Conversation, type: number, refusal: Refusal, name: Uint8Array = new Uint8Array(0)): void => {
  const { toTarget } = conversation
  switch (type) {
    case frontend.query:
    case frontend.functionCall:
      toTarget.write(query(unparsable))
      conversation.expect('query').refusal = refusal
      return
    case frontend.parse:
      toTarget.write(parse(name, unparsable))
      conversation.expect('parse').refusal = refusal
      return
    default:
      toTarget.write(execute(conversation.nowhere))
      conversation.expect('execute').refusal = refusal
  }
}

const shown = (key: string): string => Buffer.from(key, 'latin1').toString('utf8')

/**
 * A name that the session never saw defined. It may exist at the target all the same (a function can PREPARE), but what it would run
 * can't be judged: to the client it does not exist. Something that really doesn't exist is asked for instead, so that the error is the target's own.
 */
export const missingStatement = (conversation: Conversation, key: string): void => {
  conversation.toTarget.write(describeStatement(conversation.nowhere))
  conversation.expect('describe-statement').message = key === '' ? 'unnamed prepared statement does not exist' : `prepared statement "${shown(key)}" does not exist`
}

export const missingPortal = (conversation: Conversation, key: string): void => {
  conversation.toTarget.write(execute(conversation.nowhere))
  conversation.expect('execute').message = `portal "${shown(key)}" does not exist`
}
