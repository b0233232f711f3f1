/** A sequence of digit groups with one or two blanks, a dash, a dot or a no-break space between them. */
export interface DigitGroups {
  /** The digits of all groups, in order. */
  readonly digits: readonly number[]
  /** Position in the text of each digit. */
  readonly positions: readonly number[]
  /** Index into `digits` where each group starts, ascending, and the number of digits as last element. */
  readonly starts: readonly number[]
}

/** Longer groups are neither a card nor an identity number: they end a sequence. */
const GROUP_DIGITS_MAX = 20
/** Longer sequences are visited in pieces that overlap by what a window can span, so that memory is bounded. */
const SEQUENCE_DIGITS_MAX = 512

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39
const isBlank = (code: number): boolean => code === 0x20 || code === 0xa0
const isSeparator = (code: number): boolean => isBlank(code) || code === 0x2d || code === 0x2e

/** Index of the digit that continues the sequence after the separator at `index`, or -1. */
const nextDigit = (text: string, index: number): number => {
  if (!isSeparator(text.charCodeAt(index))) return -1
  if (isDigit(text.charCodeAt(index + 1))) return index + 1
  return isBlank(text.charCodeAt(index)) && isBlank(text.charCodeAt(index + 1)) && isDigit(text.charCodeAt(index + 2)) ? index + 2 : -1
}

const groupEnd = (text: string, from: number): number => {
  let end = from
  while (isDigit(text.charCodeAt(end))) end += 1
  return end
}

/** Index of the last group from which a window could still reach beyond the sequence. */
const tailStart = (starts: readonly number[], digits: number): number => {
  let group = starts.length - 1
  while (group > 0 && digits - starts[group]! < GROUP_DIGITS_MAX) group -= 1
  return starts[group] ?? digits
}

/** Visits the digit sequences that have at least `digitsMin` digits. What is visited must not be kept. */
export const eachDigitSequence = (text: string, digitsMin: number, visit: (groups: DigitGroups) => void): void => {
  let digits: number[] = []
  let positions: number[] = []
  let starts: number[] = []
  const close = (): void => {
    if (digits.length >= digitsMin) visit({ digits, positions, starts: [...starts, digits.length] })
    digits = []
    positions = []
    starts = []
  }
  let index = 0
  while (index < text.length) {
    if (!isDigit(text.charCodeAt(index))) {
      index += 1
      continue
    }
    const end = groupEnd(text, index)
    if (end - index > GROUP_DIGITS_MAX) close()
    else {
      starts.push(digits.length)
      for (let at = index; at < end; at += 1) {
        digits.push(text.charCodeAt(at) - 0x30)
        positions.push(at)
      }
    }
    const next = end - index > GROUP_DIGITS_MAX ? -1 : nextDigit(text, end)
    if (next === -1) close()
    else if (digits.length > SEQUENCE_DIGITS_MAX) {
      const kept = tailStart(starts, digits.length)
      const again = { digits: digits.slice(kept), positions: positions.slice(kept), starts: starts.filter((start) => start >= kept).map((start) => start - kept) }
      close()
      ;({ digits, positions, starts } = again)
    }
    index = next === -1 ? end : next
  }
  close()
}

/**
 * Visits every run of whole groups with `digitsMin` to `digitsMax` digits: bounded work per group. `accept` is shown the range of digits
 * `[first, last)`.
 */
export const eachWindow = (groups: DigitGroups, digitsMin: number, digitsMax: number, accept: (first: number, last: number) => void): void => {
  const { starts } = groups
  for (let from = 0; from < starts.length - 1; from += 1) {
    for (let to = from + 1; to < starts.length; to += 1) {
      const count = starts[to]! - starts[from]!
      if (count > digitsMax) break
      if (count >= digitsMin) accept(starts[from]!, starts[to]!)
    }
  }
}
