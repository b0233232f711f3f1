const AT = 1
const DIGITS = 2
const LONG_TOKEN = 4
const ASSIGNS = 8
const DASHES = 16
const DOT = 32

/** What a text has at all, so that most values are never shown to a regular expression. */
export const feature = { AT, DIGITS, LONG_TOKEN, ASSIGNS, DASHES, DOT } as const

const DIGIT = 1
const LETTER = 2
const TOKEN_MARK = 3
const SIGN = 4
const kinds = new Uint8Array(128)
for (let code = 0x30; code <= 0x39; code += 1) kinds[code] = DIGIT
for (let code = 0x41; code <= 0x5a; code += 1) kinds[code] = LETTER
for (let code = 0x61; code <= 0x7a; code += 1) kinds[code] = LETTER
for (const mark of '+/_-') kinds[mark.charCodeAt(0)] = TOKEN_MARK
for (const sign of '=:\'"') kinds[sign.charCodeAt(0)] = SIGN

/** Nothing shorter holds anything a shipped detector knows (`a@b.co`). */
const CHARS_MIN = 6
const DIGITS_MIN = 6
const TOKEN_CHARS_MIN = 14

const DASH_CODE = 0x2d
const AT_CODE = 0x40
const PERCENT_CODE = 0x25
const DOT_CODE = 0x2e
const SPACE_CODE = 0x20

/** One pass over the text: the features it has, as bits. 0: no shipped detector can find anything in it. */
export const survey = (text: string): number => {
  if (text.length < CHARS_MIN) return 0
  let bits = 0
  let digits = 0
  let token = 0
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    const kind = code < 128 ? kinds[code]! : 0
    if (kind !== 0 && kind !== SIGN) {
      token += 1
      if (kind === DIGIT) digits += 1
      else if (code === DASH_CODE) bits |= DASHES
      if (token === TOKEN_CHARS_MIN) bits |= LONG_TOKEN
    } else {
      token = 0
      if (kind === SIGN) bits |= ASSIGNS
      else if (code === AT_CODE || code === PERCENT_CODE) bits |= AT
      else if (code === DOT_CODE) bits |= DOT
      // `Bearer x`, `PASSWORD x`: a word and a space can name a secret as well.
      else if (code === SPACE_CODE) bits |= ASSIGNS
    }
  }
  return digits >= DIGITS_MIN ? bits | DIGITS : bits
}
