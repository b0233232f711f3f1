import type { Effect } from '@sallyport/protocol-kit'
import { copiesOf } from './copies.js'
import type { StatementDetail } from './detail.js'
import type { Findings } from './findings.js'
import { lex } from './lexer.js'
import { type Ast, textOf } from './nodes.js'
import type { RawStatement } from './parser.js'
import { transactionStep } from './session-rules.js'

const isCatalogChange = ({ action, class: kind }: Effect): boolean =>
  kind === 'schema' || kind === 'unrecognised' || ['sql.do', 'sql.call', 'sql.function', 'sql.execute', 'sql.extension', 'sql.role'].includes(action)

const isWrite = ({ action, class: kind }: Effect): boolean =>
  kind !== 'connect' && kind !== 'read' && !['sql.set_role', 'sql.set_setting', 'sql.operator', 'sql.cast', 'sql.server_relation'].includes(action)

/** Text of a prepared statement: what follows the AS of PREPARE. Byte positions. */
const preparedText = (bytes: Buffer, raw: RawStatement): string | undefined => {
  const from = raw.stmt_location ?? 0
  const to = raw.stmt_len === undefined || raw.stmt_len === 0 ? bytes.length : from + raw.stmt_len
  const statement = bytes.toString('latin1', from, to)
  let after: number | undefined
  lex(statement, 0, statement.length, (kind, start, end) => {
    if (kind === 'word' && statement.slice(start, end).toLowerCase() === 'as') after = from + end
    return after !== undefined
  })
  return after === undefined ? undefined : bytes.toString('utf8', after, to).trim()
}

const cursorOf = (kind: string, node: Ast): StatementDetail['cursor'] => {
  const name = textOf(node['portalname'])
  if (kind === 'DeclareCursorStmt') return { declares: name }
  if (kind === 'FetchStmt') return { fetches: name }
  if (kind === 'ClosePortalStmt') return name === '' ? { closesAll: true } : { closes: name }
  return kind === 'DiscardStmt' && node['target'] === 'DISCARD_ALL' ? { closesAll: true } : undefined
}

const copyOf = (found: Findings): StatementDetail['copy'] => {
  const has = (action: string): boolean => found.drafts.some((draft) => draft.action === action)
  if (has('sql.copy_program')) return 'program'
  if (has('sql.copy_file')) return 'file'
  if (has('sql.copy_from')) return 'in'
  return has('sql.copy_to') ? 'out' : undefined
}

export interface DetailInput {
  readonly kind: string
  readonly node: Ast
  readonly raw: RawStatement
  readonly found: Findings
  readonly effects: readonly Effect[]
  readonly bytes: Buffer
}

const names = ({ kind, node, raw, found, bytes }: DetailInput): Partial<StatementDetail> => {
  const discardsAll = kind === 'DiscardStmt' && node['target'] === 'DISCARD_ALL'
  if (kind === 'PrepareStmt') {
    const text = preparedText(bytes, raw)
    return { prepares: { name: textOf(node['name']), ...(text === undefined ? {} : { text }) } }
  }
  if (discardsAll) return { deallocatesAll: true, sets: ['all'] }
  if (kind === 'DeallocateStmt') return textOf(node['name']) === '' ? { deallocatesAll: true } : { deallocates: textOf(node['name']) }
  return found.executes === undefined ? {} : { executes: found.executes }
}

/** What the session needs to know of one statement. */
export const detailOf = (input: DetailInput): StatementDetail => {
  const { kind, node, found, effects } = input
  const transaction = kind === 'TransactionStmt' ? transactionStep(node) : undefined
  const cursor = cursorOf(kind, node)
  const copy = copyOf(found)
  const copies = copiesOf(kind, node, found)
  return {
    kind,
    ...(transaction === undefined ? {} : { transaction }),
    ...(cursor === undefined ? {} : { cursor }),
    ...(copy === undefined ? {} : { copy }),
    ...(copies === undefined ? {} : { copies }),
    ...(found.sets.size === 0 ? {} : { sets: [...found.sets] }),
    ...names(input),
    changesCatalog: effects.some(isCatalogChange),
    writes: effects.some(isWrite),
  }
}

