import type { ScanToken } from 'libpg-query'
import type { Ast } from './nodes.js'

type Engine = typeof import('libpg-query')
let engine: Engine | undefined

/** Loads PostgreSQL's parser (1.7 MB of WebAssembly, a heap of its own). Only workers do. */
export const loadRecogniser = async (): Promise<void> => {
  engine ??= await import('libpg-query')
  await engine.loadModule()
  // The first use compiles; the first statement shall not wait for it.
  parse('select 1')
  scan('select 1')
  fingerprintOf('select 1')
}

/** The recogniser was used before {@link loadRecogniser}. */
export class RecogniserNotLoadedError extends Error {
  readonly code = 'recogniser_not_loaded'
}

/** The parser itself broke (stack, memory): its instance must not be used again. */
export class ParserBrokeError extends Error {
  readonly code = 'parser_broke'
}

const loaded = (): Engine => {
  if (engine === undefined) throw new RecogniserNotLoadedError('loadRecogniser was not called')
  return engine
}

export interface RawStatement {
  readonly stmt?: Ast
  readonly stmt_location?: number
  readonly stmt_len?: number
}

export type Parsed =
  | { readonly kind: 'statements'; readonly statements: readonly RawStatement[] }
  | { readonly kind: 'problem'; readonly problem: string }

/** The parser's message without what it quotes of the text, which may hold data. */
const withoutQuotes = (message: string): string => message.replace(/["'][\s\S]*["']/, '"…"').replace(/[^\x20-\x7e…]+/g, ' ').slice(0, 200)

/** Throws {@link ParserBrokeError} when anything but a syntax error happens. */
export const parse = (text: string): Parsed => {
  const { parseSync, hasSqlDetails } = loaded()
  try {
    const tree = parseSync(text) as { stmts?: readonly RawStatement[] }
    return { kind: 'statements', statements: tree.stmts ?? [] }
  } catch (error) {
    if (!hasSqlDetails(error) || /out of memory/i.test(error.message)) throw new ParserBrokeError('the SQL parser broke', { cause: error })
    return { kind: 'problem', problem: `${withoutQuotes(error.message)} (character ${(error.sqlDetails?.cursorPosition ?? 0) + 1})` }
  }
}

/** A stack overflow or a trap inside the WebAssembly instance. */
const isTrap = (error: unknown): boolean => error instanceof Error && (error.name === 'RangeError' || error.name === 'RuntimeError')

/** Hex fingerprint, or undefined where the parser can't make one. */
export const fingerprintOf = (text: string): string | undefined => {
  try {
    const fingerprint = loaded().fingerprintSync(text)
    return /^[0-9a-f]{16}$/.test(fingerprint) ? fingerprint : undefined
  } catch (error) {
    if (isTrap(error)) throw new ParserBrokeError('the SQL parser broke', { cause: error })
    return undefined
  }
}

/** Tokens with byte positions, or undefined when even the scanner can't read the text. */
export const scan = (text: string): readonly ScanToken[] | undefined => {
  try {
    return loaded().scanSync(text).tokens
  } catch (error) {
    if (isTrap(error)) throw new ParserBrokeError('the SQL parser broke', { cause: error })
    return undefined
  }
}
