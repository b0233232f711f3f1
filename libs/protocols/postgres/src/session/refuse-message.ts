import type { Refusal } from '@sallyport/protocol-kit'
import { execute, parse, query } from '../codec/encode.js'
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
