import { createHash } from 'node:crypto'
import type { Recognition } from '@sallyport/protocol-kit'
import type { PostgresDetail } from './detail.js'
import { type Range, scannedRanges } from './literals.js'

/** Key of a text that has no fingerprint. */
export const textKey = (text: string): string => `pg:text:${createHash('sha256').update(text).digest('hex').slice(0, 32)}`

/** What stands for a text that can't be read: one effect of class `unrecognised`, everything hidden unless literals are known. Needs no parser. */
export const unrecognised = (text: string, problem: string, literals?: readonly Range[]): Recognition => ({
  effects: [{ action: 'sql.unrecognised', class: 'unrecognised', facts: {} }],
  action: 'sql.unrecognised',
  class: 'unrecognised',
  fingerprint: textKey(text),
  provenRead: false,
  alwaysAllowed: false,
  touches: { relations: [], columns: [], everything: true, opaque: true },
  literals: literals ?? scannedRanges(Buffer.from(text, 'utf8'), undefined),
  detail: { statements: [] } satisfies PostgresDetail,
  problem,
})
