/** What a text has at all, so that most values are never shown to a regular expression. */
export const feature = {
  /** `@`, or `%` as in `%40`. */
  AT: 1,
  /** Six, nine, or thirteen digits with at most separators between them. */
  DIGITS_6: 2,
  DIGITS_9: 4,
  DIGITS_13: 8,
  /** A run of at least 14, or 20, of `A-Z a-z 0-9 + / _ -`. */
  TOKEN_14: 16,
  TOKEN_20: 32,
  /** `=` or `:`. */
  ASSIGNS: 64,
  /** White space: two words, of which the first may name a secret. */
  WORDS: 128,
  DASHES: 256,
  DOT: 512,
} as const

const OTHER = 0
const DIGIT = 1
const LETTER = 2
const TOKEN_MARK = 3
const DASH = 4
const DOT = 5
const BLANK = 6
const AT = 7
const ASSIGN = 8
const kinds = new Uint8Array(128)
const mark = (chars: string, kind: number): void => { for (const char of chars) kinds[char.charCodeAt(0)] = kind }
mark('0123456789', DIGIT)
mark('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz', LETTER)
mark('+/_', TOKEN_MARK)
mark('-', DASH)
mark('.', DOT)
mark(' \t\n\r', BLANK)
mark('@%', AT)
mark('=:', ASSIGN)

/** Nothing shorter holds anything a shipped detector knows (`a@b.co`). */
const CHARS_MIN = 6
const NO_BREAK_SPACE = 0xa0
const HYPHEN = 0x2d

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const moment = /^\d{4}-\d\d-\d\d(?:[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?$/

/** The two most frequent values with many digits, which hold nothing: UUIDs and moments (ISO 8601). */
const isPlain = (text: string): boolean =>
  text.length === 36 ? text.charCodeAt(8) === HYPHEN && uuid.test(text) : text.length <= 35 && text.charCodeAt(4) === HYPHEN && moment.test(text)

const digitBits = (digits: number): number =>
  digits < 6 ? 0 : feature.DIGITS_6 | (digits >= 9 ? feature.DIGITS_9 : 0) | (digits >= 13 ? feature.DIGITS_13 : 0)

/** One pass over the text: the features it has, as bits. 0: no shipped detector can find anything in it. */
export const survey = (text: string): number => {
  if (text.length < CHARS_MIN || isPlain(text)) return 0
  let bits = 0
  let digits = 0
  let digitsMax = 0
  let token = 0
  let tokenMax = 0
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    const kind = code < 128 ? kinds[code]! : OTHER
    if (kind === DIGIT) digits += 1
    else if (kind !== DASH && kind !== DOT && kind !== BLANK && code !== NO_BREAK_SPACE) {
      if (digits > digitsMax) digitsMax = digits
      digits = 0
    }
    if (kind >= DIGIT && kind <= DASH) token += 1
    else {
      if (token > tokenMax) tokenMax = token
      token = 0
    }
    switch (kind) {
      case DASH: bits |= feature.DASHES; break
      case DOT: bits |= feature.DOT; break
      case BLANK: bits |= feature.WORDS; break
      case AT: bits |= feature.AT; break
      case ASSIGN: bits |= feature.ASSIGNS; break
      default:
    }
  }
  if (token > tokenMax) tokenMax = token
  if (tokenMax >= 14) bits |= tokenMax >= 20 ? feature.TOKEN_14 | feature.TOKEN_20 : feature.TOKEN_14
  return bits | digitBits(Math.max(digits, digitsMax))
}
