import type { ScanToken } from 'libpg-query'
import { lex } from './lexer.js'

export type Range = readonly [number, number]

/** Numbers of at least this many digits can be card or account numbers. */
const digitsMin = 12

const isLongNumber = (text: string): boolean => text.length >= digitsMin && text.replace(/[^0-9]/g, '').length >= digitsMin

const whole = (bytes: Buffer): readonly Range[] => bytes.length === 0 ? [] : [[0, bytes.length]]

export interface Lexed {
  readonly literals: readonly Range[]
  /** More tokens than allowed. */
  readonly tooMany: boolean
}

/** Byte ranges of string constants of every form, and of long numbers, in a text that the parser accepts; one range over all when there are too many tokens. */
export const lexText = (bytes: Buffer, tokensMax: number): Lexed => {
  const text = bytes.toString('latin1')
  const literals: Range[] = []
  let tokens = 0
  const complete = lex(text, 0, text.length, (kind, start, end) => {
    tokens += 1
    if (kind === 'string' || (kind === 'number' && isLongNumber(text.slice(start, end)))) literals.push([start, end])
    return tokens > tokensMax
  })
  const tooMany = tokens > tokensMax
  return { literals: complete && !tooMany ? literals : whole(bytes), tooMany }
}

const stringStart = /^(?:'|\$[^0-9]|[eEbBxX]'|[uU]&')/

const isLiteral = (bytes: Buffer, token: ScanToken): boolean => {
  const text = bytes.toString('latin1', token.start, token.end)
  return stringStart.test(text) || (/^[0-9.]/.test(text) && isLongNumber(text))
}

/** The same by PostgreSQL's own scanner, for texts that the parser refused. Without tokens, one range covers the text. */
export const scannedRanges = (bytes: Buffer, tokens: readonly ScanToken[] | undefined): readonly Range[] =>
  tokens === undefined ? whole(bytes) : tokens.filter((token) => isLiteral(bytes, token)).map((token): Range => [token.start, token.end])

/**
 * With standard_conforming_strings off a backslash in a plain string is an escape, and the text means something else
 * than this parser reads. Both readings agree up to the first such string.
 */
export const readsDifferently = (bytes: Buffer, tokens: readonly ScanToken[] | undefined): boolean => tokens === undefined || tokens.some((token) => {
  const text = bytes.toString('latin1', token.start, token.end)
  return (text.startsWith("'") && text.includes('\\')) || /^[uU]&["']/.test(text)
})
