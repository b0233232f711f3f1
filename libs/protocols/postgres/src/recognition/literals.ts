import type { ScanToken } from 'libpg-query'

export type Range = readonly [number, number]

/** Numbers of at least this many digits can be card or account numbers. */
const digitsMin = 12

const stringStart = /^(?:'|\$[^0-9]|[eEbBxXnN]'|[uU]&')/

const isLiteral = (bytes: Buffer, token: ScanToken): boolean => {
  const start = bytes.toString('latin1', token.start, Math.min(token.start + 3, token.end))
  if (stringStart.test(start)) return true
  return /^[0-9.]/.test(start) && bytes.toString('latin1', token.start, token.end).replace(/[^0-9]/g, '').length >= digitsMin
}

/** Byte ranges of string constants of every form, and of long numbers. Without tokens, one range covers the text. */
export const literalRanges = (bytes: Buffer, tokens: readonly ScanToken[] | undefined): readonly Range[] => {
  if (tokens === undefined) return bytes.length === 0 ? [] : [[0, bytes.length]]
  return tokens.filter((token) => isLiteral(bytes, token)).map((token): Range => [token.start, token.end])
}

/**
 * With standard_conforming_strings off a backslash in a plain string is an escape, and the text means something else
 * than this parser reads. Both readings agree up to the first such string.
 */
export const readsDifferently = (bytes: Buffer, tokens: readonly ScanToken[] | undefined): boolean => tokens === undefined || tokens.some((token) => {
  const text = bytes.toString('latin1', token.start, token.end)
  return (text.startsWith("'") && text.includes('\\')) || /^[uU]&["']/.test(text)
})
