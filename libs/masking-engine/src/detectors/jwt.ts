import type { Detector } from './span.js'

const HEADER_CHARS_MIN = 16
const HEADER_CHARS_MAX = 4096
const STARTS_MAX = 4
const DOT = 0x2e

const isBase64Url = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a) || code === 0x5f || code === 0x2d

const isHeader = (part: string): boolean => {
  try {
    const header: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'))
    return typeof header === 'object' && header !== null && 'alg' in header
  } catch {
    return false // not JSON: not a token's header
  }
}

/** Start of a header within the run, or -1. JSON objects start with `ey` or `ew` in base 64; the run may have something glued to its front. */
const headerStart = (text: string, from: number, to: number): number => {
  let start = from
  for (let tries = 0; tries < STARTS_MAX; tries += 1) {
    while (start < to - 1 && !(text.charCodeAt(start) === 0x65 && (text.charCodeAt(start + 1) === 0x79 || text.charCodeAt(start + 1) === 0x77))) start += 1
    const length = to - start
    if (length < HEADER_CHARS_MIN) return -1
    if (length <= HEADER_CHARS_MAX && isHeader(text.slice(start, to))) return start
    start += 1
  }
  return -1
}

/**
 * JSON Web Tokens in compact form (RFC 7515 section 7.1, RFC 7516 with five parts): base64url parts with dots between, of which the
 * first one decodes to JSON with an `alg`. The signature may be missing.
 */
export const jwt: Detector = (text, found) => {
  let index = 0
  while (index < text.length) {
    if (!isBase64Url(text.charCodeAt(index))) {
      index += 1
      continue
    }
    const from = index
    while (isBase64Url(text.charCodeAt(index))) index += 1
    if (text.charCodeAt(index) !== DOT || !isBase64Url(text.charCodeAt(index + 1))) continue
    const start = headerStart(text, from, index)
    if (start === -1) continue
    for (let parts = 1; parts < 5 && text.charCodeAt(index) === DOT; parts += 1) {
      index += 1
      while (isBase64Url(text.charCodeAt(index))) index += 1
    }
    found.push({ from: start, to: index })
  }
}
