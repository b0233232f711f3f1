import { createHash } from 'node:crypto'
import type { Recognition } from '@sallyport/protocol-kit'
import type { PostgresDetail } from './detail.js'
import type { Range } from './literals.js'

/** No text this long is parsed; all of it is in the command's digest, so it isn't hashed again here. */
const hashedCharsMax = 1024 * 1024

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32)

/** Key of a text that has no fingerprint. Of a long one only the head and the length: equal keys do not mean equal texts. */
export const textKey = (text: string): string => (text.length <= hashedCharsMax ? `pg:text:${sha256(text)}` : `pg:head:${sha256(text.slice(0, hashedCharsMax))}:${text.length}`)

/** What stands for a text that can't be read: one effect of class `unrecognised`, everything hidden unless literals are known. Needs no parser. */
export const unrecognised = (text: string, problem: string, literals?: readonly Range[]): Recognition => ({
  effects: [{ action: 'sql.unrecognised', class: 'unrecognised', facts: {} }],
  action: 'sql.unrecognised',
  class: 'unrecognised',
  fingerprint: textKey(text),
  provenRead: false,
  alwaysAllowed: false,
  touches: { relations: [], columns: [], everything: true, opaque: true },
  literals: literals ?? (text === '' ? [] : [[0, Buffer.byteLength(text)]]),
  detail: { statements: [] } satisfies PostgresDetail,
  problem,
})
