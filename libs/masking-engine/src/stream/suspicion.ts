import type { DetectorId } from '@sallyport/contracts/masking'
import { RE2JS } from 're2js'
import type { Way } from '../finder.js'
import { UNIT_BYTES_MAX } from './limits.js'
import { mayHoldCodice, tokenDoubt } from './token-doubt.js'
import { viewOf } from './view.js'

/** Finds the next line worth a look at or behind `from`, a line's start: answers its start, or -1. */
export type LineSearch = (from: number) => number

/** Goes through whole lines quickly, and stops at those in which a detector might find something. */
export interface Suspicion {
  /** Over bytes up to `to`, which is behind a line's end. */
  lines(bytes: Buffer, to: number): LineSearch
}

const OTHER = 0
const DIGIT = 1
const LETTER = 2
const HINT = 3
const TOKEN_MARK = 4
const DASH = 5
const BETWEEN = 6
const LINE_END = 7
const AT = 8
const PERCENT = 9
const ODD = 10
const HIGH = 11

const kinds = new Uint8Array(256)
kinds.fill(ODD, 0, 0x20)
kinds.fill(HIGH, 0x80)
kinds[0x7f] = ODD
const mark = (chars: string, kind: number): void => { for (const char of chars) kinds[char.charCodeAt(0)] = kind }
mark('0123456789', DIGIT)
mark('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz', LETTER)
mark('pPcCkKbBfF', HINT)
mark('+/_', TOKEN_MARK)
mark('-', DASH)
mark(' .\t\r', BETWEEN)
mark('\v\f', OTHER)
mark('\n', LINE_END)
mark('@', AT)
mark('%', PERCENT)
kinds[0xc2] = HIGH
kinds[0xa0] = HIGH

/** Doubts about a line, as bits. */
const doubt = { AT: 1, DIGITS_6: 2, DIGITS_13: 4, SHAPE: 8, NAME: 16, DASHES: 32, CONTROL: 64, FOREIGN: 128 } as const
const TOKEN_CHARS_MIN = 14
const DASHES_MIN = 5

const needs: Readonly<Record<DetectorId, number>> = {
  email: doubt.AT,
  credit_card: doubt.DIGITS_13,
  aws_access_key: doubt.SHAPE,
  private_key: doubt.DASHES | doubt.NAME,
  jwt: doubt.SHAPE,
  generic_secret: doubt.SHAPE | doubt.NAME | doubt.AT,
  national_id: doubt.DIGITS_6,
}

const low = (bytes: Buffer, index: number): number => (bytes[index] ?? 0) | 0x20
const spells = (bytes: Buffer, index: number, word: string): boolean => {
  for (let at = 0; at < word.length; at += 1) if (low(bytes, index + at) !== word.charCodeAt(at)) return false
  return true
}

/** Whether the letter at `index`, one that few words have, belongs to a name under which secrets are kept. */
const isNamed = (bytes: Buffer, index: number): boolean => {
  switch (low(bytes, index)) {
    case 0x70: return spells(bytes, index + 1, 'ass') || spells(bytes, index + 1, 'wd') // pass, pwd
    case 0x63: return spells(bytes, index - 2, 'secret') || spells(bytes, index + 1, 'redential')
    case 0x6b: return spells(bytes, index + 1, 'ey') || spells(bytes, index - 2, 'token')
    case 0x62: return spells(bytes, index + 1, 'earer') || spells(bytes, index + 1, 'asic')
    case 0x66: return spells(bytes, index - 6, 'identified')
    default: return false
  }
}

const digitDoubt = (digits: number): number => (digits < 6 ? 0 : digits < 13 ? doubt.DIGITS_6 : doubt.DIGITS_6 | doubt.DIGITS_13)

/** The doubts about the line that starts at `from`, and where it ends; `any`: those that count. */
const lineEnd = { at: 0 }
const doubtsOf = (bytes: Buffer, from: number, to: number, any: number): number => {
  let bits = 0
  let digits = 0
  let token = 0
  let dashes = 0
  let index = from
  for (; index < to; index += 1) {
    const kind = kinds[bytes[index]!]!
    if (kind >= DIGIT && kind <= DASH) {
      token += 1
      if (kind === DIGIT) digits += 1
      else if (kind === DASH) {
        dashes += 1
        if (dashes === DASHES_MIN) bits |= doubt.DASHES
        continue
      } else {
        if (digits >= 6) bits |= digitDoubt(digits)
        digits = 0
        if (kind === HINT && isNamed(bytes, index)) bits |= doubt.NAME
      }
      dashes = 0
      continue
    }
    if (token >= TOKEN_CHARS_MIN) {
      if (tokenDoubt(bytes, index - token, index)) bits |= doubt.SHAPE
      if ((any & doubt.DIGITS_6) !== 0 && mayHoldCodice(bytes, index - token, index)) bits |= doubt.DIGITS_6
    }
    token = 0
    dashes = 0
    if (kind === BETWEEN) continue
    // A no-break space separates digits, too: any byte beyond ASCII is taken for a part of one.
    if (kind === HIGH) bits |= bytes[index] === 0xc2 && bytes[index + 1]! < 0xa0 ? doubt.FOREIGN | doubt.CONTROL : doubt.FOREIGN
    else {
      if (digits >= 6) bits |= digitDoubt(digits)
      digits = 0
      if (kind === LINE_END) break
      if (kind === AT) bits |= doubt.AT
      else if (kind === PERCENT && bytes[index + 1] === 0x34 && bytes[index + 2] === 0x30) bits |= doubt.AT
      else if (kind === ODD) bits |= doubt.CONTROL
    }
  }
  lineEnd.at = Math.min(to, index + 1)
  return bits
}

/** A line as a terminal shows it; in UTF-8 nothing grows by leaving bytes out, but three bytes stand for one that is invalid. */
const shown = Buffer.allocUnsafeSlow(UNIT_BYTES_MAX * 3)
const shownDoubts = (bytes: Buffer, from: number, to: number, any: number): number => doubtsOf(shown, 0, shown.write(viewOf(bytes, from, to, 'skip').text), any)

const LINE_FEED = 0x0a
const ENTRIES_MAX = 100
const REGION_BYTES_MAX = 65_536

/** Whether any of the users' patterns may match in whole lines of ASCII; undefined for none. Where lines end, texts begin and end. */
const patternTest = (ways: readonly Way[]): ((text: string) => boolean) | undefined => {
  const patterns = ways.flatMap(({ pattern }) => (pattern === undefined ? [] : [pattern]))
  if (patterns.length === 0) return undefined
  // `\A` and `\z` mean the text's ends whatever the flags: such patterns are tried on each line.
  if (patterns.length > ENTRIES_MAX || patterns.some((pattern) => /\\[Az]|\(\?[a-zA-Z]*-/.test(pattern))) return () => true
  const programs = patterns.map((pattern) => RE2JS.compile(pattern, RE2JS.MULTILINE))
  return (text) => programs.some((program) => program.matcher(text).find())
}

export const createSuspicion = (ways: readonly Way[]): Suspicion => {
  const mayMatch = patternTest(ways)
  const any = ways.reduce((bits, { detector }) => bits | (detector === undefined ? 0 : needs[detector]), doubt.CONTROL | (mayMatch === undefined ? 0 : doubt.FOREIGN))
  const search = (bytes: Buffer, from: number, to: number): number => {
    for (let line = from; line < to; line = lineEnd.at) {
      const bits = doubtsOf(bytes, line, to, any)
      const end = lineEnd.at
      if (end - line > UNIT_BYTES_MAX) return line
      if ((bits & any) === 0) continue
      if ((bits & any) !== doubt.CONTROL || (shownDoubts(bytes, line, end, any) & any) !== 0) return line
      lineEnd.at = end
    }
    return -1
  }
  const withPatterns = (bytes: Buffer, to: number, test: (text: string) => boolean): LineSearch => {
    let end = 0
    let every = false
    return (from) => {
      for (let start = from; start < to; start = end) {
        if (start >= end) {
          const last = bytes.lastIndexOf(LINE_FEED, Math.min(to, start + REGION_BYTES_MAX) - 1)
          end = last < start ? bytes.indexOf(LINE_FEED, start) + 1 : last + 1
          every = test(bytes.toString('latin1', start, end).replaceAll('\r\n', '\n'))
        }
        const line = every ? start : search(bytes, start, end)
        if (line !== -1) return line
      }
      return -1
    }
  }
  return { lines: (bytes, to) => (mayMatch === undefined ? (line) => search(bytes, line, to) : withPatterns(bytes, to, mayMatch)) }
}
