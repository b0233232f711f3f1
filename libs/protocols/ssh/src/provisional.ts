import type { ActionClass, FactType, Recognition } from '@sallyport/protocol-kit'
import { requestRecognition } from './operations.js'

export const actions: Readonly<Record<string, ActionClass>> = {
  'ssh.inspect': 'read', 'ssh.exec': 'execute', 'ssh.unrecognised': 'unrecognised', 'ssh.locale': 'connect', 'ssh.environment': 'execute',
}
export const facts: Readonly<Record<string, FactType>> = { programs: 'strings', variables: 'strings' }
export const loadRecogniser = async (): Promise<void> => undefined

const HARMLESS = /^(?:id|uname|whoami|hostname|pwd|(?:echo|cat|ls|seq|head|printf|sleep)(?: [\w ./%\\=-]*)?)$/

/** Until shell texts are really read. */
export const recognise = (text: string): Recognition => {
  if (/["'`$\0]/.test(text)) return requestRecognition('ssh.exec', 'execute', { programs: [text.split(' ')[0]!] })
  const known = HARMLESS.test(text)
  return { ...requestRecognition(known ? 'ssh.inspect' : 'ssh.exec', known ? 'read' : 'execute', { programs: [text.split(' ')[0]!] }), provenRead: known }
}
export const unrecognised = (_text: string, problem: string): Recognition => ({ ...requestRecognition('ssh.unrecognised', 'unrecognised', {}), problem })
