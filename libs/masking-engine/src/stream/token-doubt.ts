/** Beginnings of credentials that say what they are, of keys and of tokens; each at the start of a word. */
const heads = new Set('ghp gho ghu ghs ghr git glp xox xap hoo sk_ rk_ whs npm pyp AIz GOC ya2 1// sk- hf_ dop doo dck shp AGE spc AKI ASI ABI ACC'.split(' '))

const DIGIT = 1
const LOWER = 2
const UPPER = 3
const classes = new Uint8Array(256).fill(DIGIT, 0x30, 0x3a).fill(LOWER, 0x61, 0x7b).fill(UPPER, 0x41, 0x5b)
const classOf = (byte: number): number => classes[byte]!

const firstBytes = new Uint8Array(256)
for (const head of heads) firstBytes[head.charCodeAt(0)] = 1
const RANDOM_CHARS_MIN = 20
const SECRET_CHARS = 40
const DIGIT_TURNS_MIN = 3
const TURN_SHARE_MIN = 0.45
const DOT = 0x2e

/** What stands before a token, when its beginning ends in a dot: `SG.`, `ya29.`, `hooks.slack.com`. */
const isBehindDot = (bytes: Buffer, from: number): boolean => {
  if (bytes[from - 1] !== DOT) return false
  const before = bytes.toString('latin1', Math.max(0, from - 12), from)
  return before.endsWith('SG.') || before.endsWith('ya29.') || before.endsWith('hooks.slack.')
}

/** UUIDs (RFC 9562) are names of things. */
const isUuid = (bytes: Buffer, from: number, to: number): boolean => {
  if (to - from !== 36 || bytes[from + 8] !== 0x2d) return false
  for (let index = 0; index < 36; index += 1) {
    const byte = bytes[from + index]!
    if (index === 8 || index === 13 || index === 18 || index === 23 ? byte !== 0x2d : !((byte >= 0x30 && byte <= 0x39) || ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x66))) return false
  }
  return true
}

/** Whether a run of token characters, of at least 14, may be anything that a detector finds by its shape: never misses one. */
export const tokenDoubt = (bytes: Buffer, from: number, to: number): boolean => {
  if (isUuid(bytes, from, to)) return false
  let before = 0
  let turns = 0
  let digitTurns = 0
  let seen = 0
  for (let index = from; index < to; index += 1) {
    const byte = bytes[index]!
    const kind = classOf(byte)
    if (before === 0 && kind !== 0 && firstBytes[byte] === 1 && heads.has(bytes.toString('latin1', index, index + 3))) return true
    // A token's header is base 64 of `{"` or `{` and a blank; it ends in a dot.
    if (byte === 0x65 && bytes[to] === DOT && (bytes[index + 1] === 0x79 || bytes[index + 1] === 0x77)) return true
    if (kind !== 0 && before !== 0 && kind !== before) {
      turns += 1
      if (kind === DIGIT || before === DIGIT) digitTurns += 1
    }
    seen |= 1 << kind
    before = kind
  }
  const length = to - from
  if (isBehindDot(bytes, from)) return true
  if (length < RANDOM_CHARS_MIN - 2) return false
  const mixed = (seen & (seen - 1) & ~1) !== 0
  return length >= SECRET_CHARS - 2 && length <= SECRET_CHARS ? mixed : mixed && (digitTurns >= DIGIT_TURNS_MIN || turns / Math.max(1, length - 1) >= TURN_SHARE_MIN || length >= 32)
}

const CODICE_CHARS = 16
const CODICE_LETTERS = 6

/** Whether a run of token characters may hold an Italian tax code: sixteen letters and digits, the first six of them letters, two digits next. */
export const mayHoldCodice = (bytes: Buffer, from: number, to: number): boolean => {
  for (let start = from; start + CODICE_CHARS <= to; start += 1) {
    if (classOf(bytes[start + CODICE_LETTERS]!) !== DIGIT || classOf(bytes[start + CODICE_LETTERS + 1]!) !== DIGIT) continue
    if (classOf(bytes[start]!) >= LOWER && (start === from || classOf(bytes[start - 1]!) === 0) && classOf(bytes[start + CODICE_CHARS - 1]!) >= LOWER) return true
  }
  return false
}
