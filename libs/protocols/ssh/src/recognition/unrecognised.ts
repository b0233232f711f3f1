import { createHash } from 'node:crypto'
import type { Recognition } from '@sallyport/protocol-kit'
import { actions } from './actions.js'
import type { ShellDetail } from './detail.js'

/** Key of a text that has no structure. */
export const textKey = (text: string): string => `sh:text:${createHash('sha256').update(text).digest('hex').slice(0, 32)}`

/** What stands for a text that can't be read: one effect of class `unrecognised`, all of it hidden where masked data is touched. Needs no parser. */
export const unrecognised = (text: string, problem: string): Recognition => {
  const bytes = Buffer.byteLength(text)
  return {
    effects: [{ action: 'ssh.unrecognised', class: actions['ssh.unrecognised'], facts: {} }],
    action: 'ssh.unrecognised',
    class: 'unrecognised',
    fingerprint: textKey(text),
    provenRead: false,
    alwaysAllowed: false,
    touches: { relations: [], columns: [], everything: false, opaque: true },
    literals: bytes === 0 ? [] : [[0, bytes]],
    secrets: bytes === 0 ? [] : [[0, bytes]], detail: { kind: 'shell', commandCount: 0, changesShell: true } satisfies ShellDetail,
    problem,
  }
}
