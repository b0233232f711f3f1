import type { MaskPlan, Recognition } from '@sallyport/protocol-kit'
import { textPlan, touchesAnything } from '../results/free-text.js'
import { decodeFields } from '../codec/decode.js'
import type { Conversation } from './conversation.js'
import type { Expectation } from './expectations.js'
import { forResults } from './resolution.js'

/** Integrity constraints and WITH CHECK OPTION (appendix A of the documentation): their details quote rows, whatever columns a command names. */
const quotesRows = /^(?:23|44)/
const foreignKey = '23503'

const ofTable = (schema: string | null, name: string): Recognition => ({
  effects: [], action: 'sql.select', class: 'read', fingerprint: 'pg:row', provenRead: false, alwaysAllowed: false,
  touches: { relations: [{ schema, name }], columns: [], everything: true, opaque: false }, literals: [], detail: { statements: [] },
})

/**
 * The plan for the detail of an error that quotes a row, `otherwise` for any other. A failing row is quoted whole, and a key with columns that the command
 * never names; the error says of which table it is. A foreign key may quote the row of either table, and of one that only a cascade reached.
 */
export const detailPlan = (conversation: Conversation, first: Expectation | undefined, frame: { readonly buffer: Buffer; readonly start: number; readonly end: number }, otherwise: MaskPlan | undefined): MaskPlan | undefined | Promise<MaskPlan | undefined> => {
  const fields = new Map(decodeFields(frame.buffer, frame.start, frame.end).map(([code, raw]) => [String.fromCharCode(code), raw]))
  const code = fields.get('C')?.toString('latin1') ?? ''
  if (!fields.has('D') || !quotesRows.test(code)) return otherwise
  const { host, resolution } = conversation
  const table = fields.get('t')
  const name = table && conversation.decode(table)
  const [only, ...others] = first?.command?.touches.relations ?? []
  // With a call stack it may be a function's own word.
  if (name === undefined || fields.has('W') || (code === foreignKey && (others.length > 0 || only?.name !== name))) return textPlan(host, touchesAnything)
  const schema = fields.get('s')
  const resolved = resolution.resolve(ofTable(schema === undefined ? null : conversation.decode(schema), name))
  return resolved instanceof Promise ? resolved.then(({ touches }) => textPlan(host, forResults(touches))) : textPlan(host, forResults(resolved.touches))
}
