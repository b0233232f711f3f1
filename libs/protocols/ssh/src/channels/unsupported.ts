import { Refusal, type ActionClass, type Facts } from '@sallyport/protocol-kit'
import { requestOperation } from '../operations.js'
import type { Conversation } from '../session/conversation.js'

/** What is never opened, whatever the policies say: refused at once, recorded behind that. */
export const judgeUnsupported = (conversation: Conversation, action: string, actionClass: ActionClass, text: string, reject: (() => unknown) | undefined, facts: Facts = {}): void => {
  const { gate, host } = conversation
  reject?.()
  const refusal = new Refusal('unrecognised', `${text} is not carried by this gateway`)
  const judged = async (): Promise<void> => {
    const verdict = await gate.judge({ ...requestOperation(action, actionClass, facts, text), refusal }, () => undefined, conversation.ended)
    if (verdict.kind === 'allow') host.finish(verdict.ticket, { outcome: 'failed', bytesOut: 0, error: { code: 'unsupported', message: refusal.message } })
  }
  conversation.track(judged())
}
