/** Visits maximal runs of `A-Z a-z 0-9 + / _ -`, with up to two `=` after them, of at least `charsMin` characters. */
export const eachTokenRun = (text: string, charsMin: number, visit: (from: number, to: number) => void): void => {
  let index = 0
  while (index < text.length) {
    if (!isToken(text.charCodeAt(index))) {
      index += 1
      continue
    }
    const from = index
    while (isToken(text.charCodeAt(index))) index += 1
    const body = index
    while (index - body < 2 && text.charCodeAt(index) === 0x3d) index += 1
    if (body - from >= charsMin) visit(from, index)
  }
}

const isToken = (code: number): boolean => classOf(code) !== 0 || code === 0x2b || code === 0x2f || code === 0x5f || code === 0x2d

const DIGIT = 1
const LOWER = 2
const UPPER = 3
const classOf = (code: number): number => {
  if (code >= 0x30 && code <= 0x39) return DIGIT
  if (code >= 0x61 && code <= 0x7a) return LOWER
  return code >= 0x41 && code <= 0x5a ? UPPER : 0
}

/** What tells a random string from a word, a path or an identifier. */
export interface TokenShape {
  /** Shannon entropy of its characters, in bits each. */
  readonly entropy: number
  /** Neighbours of which one is a letter and one a digit. */
  readonly digitTurns: number
  /** Neighbours of different classes (digit, lower case, upper case), as a share of all pairs. */
  readonly turnShare: number
  readonly hex: boolean
  readonly digits: number
  readonly classes: number
}

export const tokenShape = (text: string, from: number, to: number): TokenShape => {
  const counts = new Uint16Array(128)
  const seen = [0, 0, 0, 0]
  let digitTurns = 0
  let turns = 0
  let hex = true
  let before = 0
  for (let index = from; index < to; index += 1) {
    const code = text.charCodeAt(index)
    const kind = classOf(code)
    counts[code]! += 1
    seen[kind]! += 1
    if (kind === 0 || (kind === LOWER && code > 0x66) || (kind === UPPER && code > 0x46)) hex = false
    if (before !== 0 && kind !== 0 && kind !== before) {
      turns += 1
      if (kind === DIGIT || before === DIGIT) digitTurns += 1
    }
    before = kind
  }
  const length = to - from
  let entropy = 0
  for (const count of counts) if (count > 0) entropy -= (count / length) * Math.log2(count / length)
  return { entropy, digitTurns, turnShare: turns / Math.max(1, length - 1), hex: hex && !(seen[LOWER]! > 0 && seen[UPPER]! > 0), digits: seen[DIGIT]!, classes: Number(seen[DIGIT]! > 0) + Number(seen[LOWER]! > 0) + Number(seen[UPPER]! > 0) }
}
