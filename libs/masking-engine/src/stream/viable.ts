/** Credentials' and keys' beginnings after which the rest is worth waiting for. */
const labels = [
  'AKIA', 'ASIA', 'ABIA', 'ACCA', 'ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_', 'github_pat_', 'glpat-', 'xox', 'xapp-', 'hooks.slack.com/', 'sk_', 'rk_', 'sk-', 'whsec_', 'npm_', 'pypi-', 'AIza', 'GOCSPX-', 'ya29.', '1//0',
  'SG.', 'hf_', 'dop_', 'doo_', 'dckr_pat_', 'shpat_', 'shpca_', 'shppa_', 'shpss_', 'AGE-SECRET-KEY-', 'spc_', 'eyJ', 'ewo', 'PuTTY-User-Key',
]
/** How far back a beginning is looked for. */
const WORD_CHARS_MAX = 1_024
const PHRASE_CHARS_MAX = 96
const URL_CHARS_MAX = 400
const ADDRESS_CHARS_MAX = 320
const DIGITS_MIN = 5
const RANDOM_CHARS_MIN = 14
/** A chunk this long is no keystroke's echo: more of its last word is on the way. */
export const BULK_BYTES_MIN = 64

const isWord = (code: number): boolean => (code >= 0x30 && code <= 0x39) || (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a)
/** What a word of any of these forms is made of: token characters, dots, `@`, `%`, and letters beyond ASCII. */
const isInWord = (code: number): boolean => isWord(code) || code >= 0x80 || code === 0x2b || code === 0x2f || code === 0x5f || code === 0x2d || code === 0x2e || code === 0x3d || code === 0x40 || code === 0x25
const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39
const isBetweenDigits = (code: number): boolean => code === 0x20 || code === 0x2d || code === 0x2e || code === 0xa0

const named = /(?:pass|pwd|secret|key|token|credential)[a-z_-]{0,16}[\\"'\]]{0,3}[ \t]{0,4}(?:=>|:=|==|=|:)[ \t]{0,4}\\?["']?[^\s"']{0,8}$/i
const worded = /(?:bearer|basic|password|identified[ \t]{1,4}by)[ \t]{1,8}[^\s]{0,8}$/i
const userInfo = /:\/\/[^\s:@/?#'"]{0,128}:[^\s@/?#'"]{1,256}$/
const armour = /-----(?:B|BE|BEG|BEGI|BEGIN(?: [A-Z0-9 ]{0,60}-{0,4})?)?$/

const wordStart = (text: string): number => {
  const first = Math.max(0, text.length - WORD_CHARS_MAX)
  let start = text.length
  while (start > first && isInWord(text.charCodeAt(start - 1))) start -= 1
  return start
}

/** A word that begins as credentials do, or looks random already, or has an `@` in it. */
const isViableWord = (word: string): boolean => {
  for (let index = 0; index < word.length; index += 1) {
    if (isWord(word.charCodeAt(index)) && (index === 0 || !isWord(word.charCodeAt(index - 1))) && labels.some((label) => word.startsWith(label, index))) return true
  }
  if (word.length > 1 && word.length <= ADDRESS_CHARS_MAX && /@|%40?$|%40/.test(word)) return true
  return word.length >= RANDOM_CHARS_MIN && /\d/.test(word)
}

/** Where digits with separators start at the text's end, if they are enough for a number worth hiding; a word they are in goes with them. */
const digitsStart = (text: string): number => {
  let start = text.length
  let digits = 0
  while (start > 0 && text.length - start < PHRASE_CHARS_MAX) {
    const code = text.charCodeAt(start - 1)
    if (isDigit(code)) digits += 1
    else if (!isBetweenDigits(code)) break
    start -= 1
  }
  if (digits < DIGITS_MIN) return text.length
  while (start < text.length && isBetweenDigits(text.charCodeAt(start))) start += 1
  return start
}

const matchStart = (pattern: RegExp, text: string, charsMax: number): number => {
  const first = Math.max(0, text.length - charsMax)
  const match = pattern.exec(text.slice(first))
  return match === null ? text.length : first + match.index
}

/**
 * Where at the end of an unfinished line something starts that may become a match, if it is likely enough to be worth a pause; the text's
 * length: nowhere. Any word may become the name in an address, so words as such only count in bulk, where the pause costs nothing.
 */
export const viableFrom = (text: string, bulk: boolean): number => {
  const word = wordStart(text)
  return Math.min(
    bulk || isViableWord(text.slice(word)) ? word : text.length,
    digitsStart(text),
    matchStart(named, text, PHRASE_CHARS_MAX),
    matchStart(worded, text, PHRASE_CHARS_MAX),
    matchStart(userInfo, text, URL_CHARS_MAX),
    matchStart(armour, text, PHRASE_CHARS_MAX),
  )
}
