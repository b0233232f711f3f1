import type { Effect, Recognition, Touches } from '@sallyport/protocol-kit'
import type { Trust } from './builtin-functions.js'
import { UnknownStatementError, callsOfScalars, collect, readsWholeRow } from './collect.js'
import { noteCopying } from './copies.js'
import type { PostgresDetail, StatementDetail } from './detail.js'
import { distinct, draftsOf, effectOf, isOpaque, isProvenRead, strictest, tooLarge } from './effects.js'
import { type Findings, createFindings } from './findings.js'
import { lexText, readsDifferently, scannedRanges } from './literals.js'
import { unwrap } from './nodes.js'
import { type RawStatement, fingerprintOf, parse, scan } from './parser.js'
import { catalogFirst } from './settings.js'
import { detailOf } from './statement-detail.js'
import { textKey, unrecognised } from './unrecognised.js'
import { walk } from './walk.js'

/** Largest text that is parsed, in UTF-8 bytes. The host refuses larger ones before they get here. */
export const textBytesMax = 1024 * 1024

/** Most tokens of a text that is parsed: the tree of more could take a thread over its heap limit, which can end the whole process. */
export const tokensMax = 200_000

type Settings = Readonly<Record<string, string>>

/** Target version assumed when the session doesn't give `server_version`: functions younger than it aren't taken for built-in ones. */
const versionAssumed = 13

const trustOf = (settings: Settings): Trust => {
  const version = Number.parseInt(settings['server_version'] ?? '', 10)
  return { unqualified: catalogFirst(settings['search_path']), version: Number.isNaN(version) ? versionAssumed : version }
}

/** Why the text can't be parsed as it stands: the parser would see another text than the target. */
const obstacle = (text: string, bytes: Buffer, settings: Settings): string | undefined => {
  if (bytes.length > textBytesMax) return `the text is longer than ${textBytesMax} bytes`
  if (text.includes('\0')) return 'the text contains a NUL byte'
  if (!text.isWellFormed()) return 'the text is not well-formed Unicode'
  const encoding = (settings['client_encoding'] ?? 'UTF8').replace(/[^0-9a-z]/gi, '').toUpperCase()
  if (bytes.length !== text.length && encoding !== 'UTF8' && encoding !== 'UNICODE') return 'the text has characters outside ASCII, and client_encoding is not UTF8'
  return undefined
}

interface Statement {
  readonly effects: readonly Effect[]
  readonly touches: Omit<Touches, 'opaque'>
  readonly detail: StatementDetail
}

const recogniseStatement = (raw: RawStatement, count: number, trust: Trust, bytes: Buffer): Statement => {
  const typed = unwrap(raw.stmt)
  if (typed === undefined) throw new UnknownStatementError('a statement without a node')
  const found: Findings = createFindings(trust)
  walk(typed.type, typed.node, (frame) => {
    noteCopying(frame, found)
    collect(frame, found)
  })
  callsOfScalars(found)
  const effects = draftsOf(typed.node, found).map((draft) => effectOf(draft, count))
  if (effects.length === 0) throw new UnknownStatementError(`no effect for ${typed.type}`)
  return {
    effects,
    touches: { relations: [...found.relations.values()], columns: [...found.columns, ...found.assigned], everything: found.everything || found.assignsAll || readsWholeRow(found) },
    detail: detailOf({ kind: typed.type, node: typed.node, raw, found, effects, bytes }),
  }
}

const mergeTouches = (statements: readonly Statement[], effects: readonly Effect[]): Touches => {
  const relations = new Map(statements.flatMap(({ touches }) => touches.relations.map((relation) => [JSON.stringify(relation), relation] as const)))
  const all = [...relations.values()]
  return {
    relations: all,
    columns: [...new Set(statements.flatMap(({ touches }) => touches.columns))].sort(),
    everything: statements.some(({ touches }) => touches.everything),
    opaque: isOpaque(effects, all),
  }
}

const endsTransaction = ({ transaction }: StatementDetail): boolean => transaction === 'rollback' || transaction === 'rollback-to'

const empty: Effect = { action: 'sql.empty', class: 'connect', facts: { statementCount: 0 } }

/** Puts the findings of a whole text together; undefined when they are too many to be judged. */
const assemble = (statements: readonly Statement[]): Pick<Recognition, 'effects' | 'action' | 'class' | 'provenRead' | 'alwaysAllowed' | 'touches' | 'detail'> | undefined => {
  const effects = statements.length === 0 ? [empty] : distinct(statements.flatMap((statement) => statement.effects))
  const worst = strictest(effects)
  if (worst === undefined || tooLarge(effects)) return undefined
  const details = statements.map(({ detail }) => detail)
  return {
    effects,
    action: worst.action,
    class: worst.class,
    provenRead: isProvenRead(effects),
    alwaysAllowed: details.length > 0 && details.every(endsTransaction),
    touches: mergeTouches(statements, effects),
    detail: { statements: details } satisfies PostgresDetail,
  }
}

/**
 * What a query text means, by PostgreSQL's own parser. Uses of `settings`: `standard_conforming_strings`, `client_encoding`, `search_path`,
 * `server_version`; others are ignored.
 *
 * @throws ParserBrokeError when the parser broke: the worker must be replaced.
 */
export const recognise = (text: string, settings: Settings): Recognition => {
  const bytes = Buffer.from(text, 'utf8')
  const problem = obstacle(text, bytes, settings)
  if (problem !== undefined) return unrecognised(text, problem)
  const blank = /^[ \t\n\r\f\v;]*$/.test(text)
  const { literals, tooMany } = lexText(bytes, tokensMax)
  if (tooMany) return unrecognised(text, `the text has more than ${tokensMax} tokens`, literals)
  if ((settings['standard_conforming_strings'] ?? 'on') !== 'on' && !blank && readsDifferently(bytes, scan(text))) {
    return unrecognised(text, 'standard_conforming_strings is off, and a plain string contains a backslash')
  }
  const parsed = blank ? { kind: 'statements' as const, statements: [] } : parse(text)
  if (parsed.kind === 'problem') return unrecognised(text, parsed.problem, scannedRanges(bytes, scan(text)))
  try {
    const trust = trustOf(settings)
    const whole = assemble(parsed.statements.map((raw) => recogniseStatement(raw, parsed.statements.length, trust, bytes)))
    if (whole === undefined) return unrecognised(text, 'the text has more effects or names than can be judged at once', literals)
    const fingerprint = blank ? undefined : fingerprintOf(text)
    return { ...whole, fingerprint: fingerprint === undefined ? textKey(text) : `pg:${fingerprint}`, literals }
  } catch (error) {
    if (error instanceof UnknownStatementError) return unrecognised(text, 'a kind of statement that this gateway does not know', literals)
    throw error
  }
}
