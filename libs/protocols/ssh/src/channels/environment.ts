import type { Operation } from '@sallyport/protocol-kit'
import { limits } from '../limits.js'
import { requestOperation } from '../operations.js'
import type { Conversation } from '../session/conversation.js'

/** Variables that say how to speak and draw, and nothing else. Git's says which version of its protocol is spoken, `version=2`. */
const LOCALE = /^(LANG|LANGUAGE|LC_[A-Z]{1,32}|COLORTERM|NO_COLOR|GIT_PROTOCOL)$/
const PLAIN_VALUE = /^[A-Za-z0-9_.@:/+=-]{0,128}$/
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/

/** Such a variable goes along only with a plain value, or not at all. */
export const isLocale = (name: string): boolean => LOCALE.test(name)

/** A variable that the client wants set: goes along when it is allowed; refused ones are left out, as sshd does it, and are in the record. */
export const judgeVariable = async ({ gate, host, ended }: Conversation, name: string, value: string, index: number): Promise<readonly [string, string] | undefined> => {
  if (index >= limits.environmentMax || Buffer.byteLength(value) > limits.environmentBytesMax || value.includes('\0')) return undefined
  if (!PLAIN_VALUE.test(value) && isLocale(name)) return undefined
  const operation = operationFor(name, value)
  const verdict = await gate.judge(operation, () => undefined, ended)
  if (verdict.kind === 'refuse') return undefined
  await host.whenAcknowledged(verdict.ticket.sequence)
  host.finish(verdict.ticket, { outcome: 'completed', bytesOut: 0 })
  return [name, value]
}

const operationFor = (name: string, value: string): Operation => {
  if (!NAME.test(name)) return requestOperation('ssh.request', 'unrecognised', { request: 'env' }, 'a variable whose name can\'t be read')
  if (isLocale(name)) return requestOperation('ssh.locale', 'connect', { environment: [name] }, `${name}=${value}`)
  return requestOperation('ssh.environment', 'execute', { environment: [name], riskyEnvironment: true }, `${name}=${value}`)
}
