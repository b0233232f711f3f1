import { limits } from '../limits.js'
import { requestOperation } from '../operations.js'
import type { Conversation } from '../session/conversation.js'

/** Variables that say how to speak and draw, and nothing else. */
const HARMLESS = /^(LANG|LANGUAGE|LC_[A-Z]{1,32}|TERM|COLORTERM|NO_COLOR|TZ)$/
const PLAIN_VALUE = /^[A-Za-z0-9_.@:/+-]{0,128}$/
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/

/** A variable that the client wants set: goes along when it is allowed; refused ones are left out, as sshd does it, and are in the record. */
export const judgeVariable = async ({ gate, host }: Conversation, name: string, value: string, index: number): Promise<readonly [string, string] | undefined> => {
  if (index >= limits.environmentMax || Buffer.byteLength(value) > limits.environmentBytesMax || value.includes('\0')) return undefined
  const known = NAME.test(name)
  const harmless = known && HARMLESS.test(name) && PLAIN_VALUE.test(value) && !value.includes('..')
  const operation = known
    ? requestOperation(harmless ? 'ssh.locale' : 'ssh.environment', harmless ? 'connect' : 'execute', { variables: [name] }, `${name}=${value}`)
    : requestOperation('ssh.environment', 'unrecognised', {}, 'a variable whose name can\'t be read')
  const verdict = await gate.judge(operation, () => undefined)
  if (verdict.kind === 'refuse') return undefined
  await host.whenAcknowledged(verdict.ticket.sequence)
  host.finish(verdict.ticket, { outcome: 'completed', bytesOut: 0 })
  return [name, value]
}
