import type { ActionClass, Facts } from '@sallyport/protocol-kit'
import { requestOperation } from '../operations.js'
import type { Conversation } from '../session/conversation.js'

/** What is never opened, whatever the policies say: refused at once, judged and recorded behind that. */
export const judgeUnsupported = (conversation: Conversation, action: string, actionClass: ActionClass, text: string, reject: (() => unknown) | undefined, facts: Facts = {}): void => {
  const { gate, host } = conversation
  reject?.()
  const judged = async (): Promise<void> => {
    const verdict = await gate.judge(requestOperation(action, actionClass, facts, text), () => undefined, AbortSignal.abort())
    if (verdict.kind === 'allow') host.finish(verdict.ticket, { outcome: 'failed', bytesOut: 0, error: { code: 'unsupported', message: 'the gateway does not carry it' } })
  }
  conversation.track(judged())
}
