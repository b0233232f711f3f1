import { eachDigitSequence, eachWindow } from './digit-groups.js'
import type { Detector } from './span.js'

const DIGITS_MIN = 13
const DIGITS_MAX = 19

/** Issuer ranges (ISO/IEC 7812 as assigned) by their first four digits, with the lengths in use. */
const plausible = (prefix: number, length: number): boolean => {
  const two = Math.trunc(prefix / 100)
  const three = Math.trunc(prefix / 10)
  if (two >= 40 && two <= 49) return length === 13 || length === 16 || length === 18 || length === 19
  if (two >= 51 && two <= 55) return length === 16
  if (prefix >= 2221 && prefix <= 2720) return length === 16
  if (prefix >= 2200 && prefix <= 2205) return length >= 16
  if (two === 34 || two === 37) return length === 15
  if ((three >= 300 && three <= 305) || two === 36 || two === 38 || two === 39 || three === 309) return length >= 14
  if (prefix >= 3528 && prefix <= 3589) return length >= 16
  if (two === 50 || (two >= 56 && two <= 69)) return true
  if (two === 81 || two === 82 || prefix === 9792) return length === 16
  return false
}

/** ISO/IEC 7812-1 annex B: every second digit from the right doubled, digit sum a multiple of ten. */
export const luhn = (digits: readonly number[], first: number, last: number): boolean => {
  let sum = 0
  let double = false
  for (let index = last - 1; index >= first; index -= 1) {
    const digit = digits[index]!
    sum += double ? (digit > 4 ? digit * 2 - 9 : digit * 2) : digit
    double = !double
  }
  return sum % 10 === 0
}

const DOT = 0x2e
const isDigitAt = (text: string, index: number): boolean => {
  const code = text.charCodeAt(index)
  return code >= 0x30 && code <= 0x39
}

/** Part of a decimal number (`0.4111111111111111`): one group with a point and a digit beside it. */
const isDecimal = (text: string, from: number, to: number): boolean =>
  (text.charCodeAt(from - 1) === DOT && isDigitAt(text, from - 2)) || (text.charCodeAt(to) === DOT && isDigitAt(text, to + 1))

/**
 * Payment card numbers of 13 to 19 digits, whole groups of digits with blanks, dashes or dots between them: issuer range, length and
 * check digit must fit. A longer unbroken row of digits is no card, nor are the digits of a decimal number.
 */
export const creditCard: Detector = (text, found) => {
  eachDigitSequence(text, DIGITS_MIN, (groups) => {
    const { digits, positions } = groups
    eachWindow(groups, DIGITS_MIN, DIGITS_MAX, (first, last) => {
      const prefix = digits[first]! * 1000 + digits[first + 1]! * 100 + digits[first + 2]! * 10 + digits[first + 3]!
      if (!plausible(prefix, last - first) || !luhn(digits, first, last)) return
      const from = positions[first]!
      const to = positions[last - 1]! + 1
      if (!isDecimal(text, from, to)) found.push({ from, to })
    })
  })
}
