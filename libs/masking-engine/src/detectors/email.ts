import type { Detector, Span } from './span.js'

const LOCAL_CHARS_MAX = 64
const DOMAIN_CHARS_MAX = 255
const letterOrMark = /[\p{L}\p{N}\p{M}]/u
const QUOTE = 0x27
const DOUBLE_QUOTE = 0x22
const DOT = 0x2e
const DASH = 0x2d

const isWord = (code: number): boolean => (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)
/** Letters of any script; halves of surrogate pairs count as letters. */
const isForeign = (text: string, index: number, code: number): boolean => code >= 0x80 && ((code >= 0xd800 && code <= 0xdfff) || letterOrMark.test(text[index]!))
const isLetterish = (text: string, index: number): boolean => {
  const code = text.charCodeAt(index)
  return isWord(code) || isForeign(text, index, code)
}

/** `._%+-` and letters of any script, and `'` between letters: what an opening quote of a literal is not. */
const isLocal = (text: string, index: number): boolean => {
  const code = text.charCodeAt(index)
  if (isWord(code) || code === DOT || code === 0x5f || code === 0x25 || code === 0x2b || code === DASH) return true
  if (code === QUOTE) return index > 0 && isLetterish(text, index - 1) && isLetterish(text, index + 1)
  return isForeign(text, index, code)
}

const localStart = (text: string, at: number): number => {
  const first = Math.max(0, at - LOCAL_CHARS_MAX)
  if (text.charCodeAt(at - 1) === DOUBLE_QUOTE) {
    let open = at - 2
    while (open > first && text.charCodeAt(open) !== DOUBLE_QUOTE) open -= 1
    return open < at - 2 && text.charCodeAt(open) === DOUBLE_QUOTE ? open : at
  }
  let start = at
  while (start > first && isLocal(text, start - 1)) start -= 1
  while (start < at && text.charCodeAt(start) === DOT) start += 1
  return start
}

/** End of the domain after `from`, or `from` when there is none: two labels at least, the last one of two letters or more. */
const domainEnd = (text: string, from: number): number => {
  const last = Math.min(text.length, from + DOMAIN_CHARS_MAX)
  let end = from
  for (; end < last; end += 1) {
    const code = text.charCodeAt(end)
    if (!isWord(code) && code !== DOT && code !== DASH && !isForeign(text, end, code)) break
  }
  while (end > from && (text.charCodeAt(end - 1) === DOT || text.charCodeAt(end - 1) === DASH)) end -= 1
  let dot = end - 1
  while (dot > from && text.charCodeAt(dot) !== DOT) dot -= 1
  if (dot <= from || end - dot - 1 < 2) return from
  for (let index = dot + 1; index < end; index += 1) {
    const code = text.charCodeAt(index)
    if (code >= 0x30 && code <= 0x39 && text.slice(dot + 1, dot + 5).toLowerCase() !== 'xn--') return from
  }
  return end
}

const around = (text: string, at: number, width: number): Span | undefined => {
  const from = localStart(text, at)
  const to = domainEnd(text, at + width)
  return from === at || to === at + width ? undefined : { from, to }
}

/** E-mail addresses (RFC 5321 limits, RFC 6531 letters), also with `@` written `%40` as in URLs. */
export const email: Detector = (text, found) => {
  for (let at = text.indexOf('@'); at !== -1; at = text.indexOf('@', at + 1)) {
    const span = around(text, at, 1)
    if (span !== undefined) found.push(span)
  }
  for (let at = text.indexOf('%40'); at !== -1; at = text.indexOf('%40', at + 3)) {
    const span = around(text, at, 3)
    if (span !== undefined) found.push(span)
  }
}
