import type { Detector } from './span.js'

const MARK = 'PRIVATE KEY'
const begin = /-----BEGIN [A-Z0-9 ]{0,40}$/
const end = /-----END [A-Z0-9 ]{0,40}$/
const HEAD_CHARS_MAX = 60
const closing = /^(?: BLOCK)?-----/
const putty = 'PuTTY-User-Key-File-'

/** What a key's body is made of: base 64, line ends, also escaped ones, and header lines' punctuation. */
const isBody = (code: number): boolean =>
  (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)
  || code === 0x2b || code === 0x2f || code === 0x3d || code === 0x0a || code === 0x0d || code === 0x5c || code === 0x20 || code === 0x09

/**
 * Private keys in PEM (RFC 7468, also OpenPGP and OpenSSH ones, on one line or with escaped line ends) and PuTTY's format. A block
 * without its end reaches to the end of the text; a block without its beginning reaches back as far as a key's body can.
 */
export const privateKey: Detector = (text, found) => {
  let open = -1
  let free = 0
  for (let mark = text.indexOf(MARK); mark !== -1; mark = text.indexOf(MARK, mark + MARK.length)) {
    const after = closing.exec(text.slice(mark + MARK.length, mark + MARK.length + 12))
    if (after === null) continue
    const head = text.slice(Math.max(free, mark - HEAD_CHARS_MAX), mark)
    const begins = begin.exec(head)
    if (begins !== null) {
      if (open === -1) open = mark - begins[0].length
      continue
    }
    const ends = end.exec(head)
    if (ends === null) continue
    const to = mark + MARK.length + after[0].length
    let from = open
    if (from === -1) {
      from = mark - ends[0].length
      while (from > free && isBody(text.charCodeAt(from - 1))) from -= 1
    }
    found.push({ from, to })
    open = -1
    free = to
  }
  if (open !== -1) found.push({ from: open, to: text.length })
  const start = text.indexOf(putty)
  if (start !== -1) found.push({ from: start, to: text.length })
}
