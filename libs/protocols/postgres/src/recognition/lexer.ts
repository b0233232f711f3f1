/**
 * Where the tokens of a text are, for texts that PostgreSQL's parser has accepted: its own scanner hands every token over as JSON,
 * which takes ten times as long as the parse. Works on bytes as Latin-1 characters. See PostgreSQL's scan.l; a property
 * holds it against the real scanner.
 */
export type TokenKind = 'string' | 'number' | 'word' | 'other'

/** Answers true to stop. */
export type TokenVisitor = (kind: TokenKind, start: number, end: number) => boolean | undefined

const identifierStart = /[A-Za-z\x80-\xff_]/
const space = /[ \t\n\r\f\v]/
const patterns = {
  word: /[A-Za-z\x80-\xff_][A-Za-z\x80-\xff_0-9$]*/y,
  number: /0[xX](?:_?[0-9a-fA-F])+|0[oO](?:_?[0-7])+|0[bB](?:_?[01])+|(?:\d(?:_?\d)*(?:\.(?!\.)(?:\d(?:_?\d)*)?)?|\.\d(?:_?\d)*)(?:[eE][+-]?\d(?:_?\d)*)?/y,
  parameter: /\$\d+/y,
  dollar: /\$(?:[A-Za-z\x80-\xff_][A-Za-z\x80-\xff_0-9]*)?\$/y,
  lineComment: /--[^\n\r]*/y,
  // A string goes on after white space with a newline in it, in which there may be line comments.
  continuation: /(?:[ \t\f\v]|--[^\n\r]*)*[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*[\n\r])*'/y,
} as const

const matchAt = (pattern: RegExp, text: string, at: number): number => {
  pattern.lastIndex = at
  return pattern.test(text) ? pattern.lastIndex : -1
}

/** End of a comment that nests, or -1 when it is open. */
const commentEnd = (text: string, from: number): number => {
  let depth = 0
  for (let at = from; at < text.length;) {
    if (text.startsWith('/*', at)) {
      depth += 1
      at += 2
    } else if (text.startsWith('*/', at)) {
      depth -= 1
      at += 2
      if (depth === 0) return at
    } else {
      at += 1
    }
  }
  return -1
}

/** End of one quoted piece whose opening quote is at `from`, or -1. */
const pieceEnd = (text: string, from: number, escapes: boolean, doubles: boolean): number => {
  for (let at = from + 1; at < text.length; at += 1) {
    const character = text[at]
    if (character === '\\' && escapes) at += 1
    else if (character === "'") {
      if (!doubles || text[at + 1] !== "'") return at + 1
      at += 1
    }
  }
  return -1
}

const stringEnd = (text: string, quote: number, escapes: boolean, doubles: boolean): number => {
  let end = pieceEnd(text, quote, escapes, doubles)
  while (end >= 0) {
    const next = matchAt(patterns.continuation, text, end)
    if (next < 0) return end
    end = pieceEnd(text, next - 1, escapes, doubles)
  }
  return -1
}

/** Quoted tokens that start here: strings of every form, quoted identifiers. Undefined when it is none; end -1 when it is open. */
const quoted = (text: string, at: number): { kind: TokenKind; end: number } | undefined => {
  const prefix = text[at]
  if (prefix === "'") return { kind: 'string', end: stringEnd(text, at, false, true) }
  if (prefix === '"') return { kind: 'other', end: identifierEnd(text, at) }
  if (prefix === '$') {
    const open = matchAt(patterns.dollar, text, at)
    if (open < 0) return undefined
    const close = text.indexOf(text.slice(at, open), open)
    return { kind: 'string', end: close < 0 ? -1 : close + open - at }
  }
  if (text[at + 1] === "'" && prefix !== undefined) {
    if (/[eE]/.test(prefix)) return { kind: 'string', end: stringEnd(text, at + 1, true, true) }
    if (/[bBxX]/.test(prefix)) return { kind: 'string', end: stringEnd(text, at + 1, false, false) }
  }
  if ((prefix === 'U' || prefix === 'u') && text[at + 1] === '&') {
    if (text[at + 2] === "'") return { kind: 'string', end: stringEnd(text, at + 2, false, true) }
    if (text[at + 2] === '"') return { kind: 'other', end: identifierEnd(text, at + 2) }
  }
  return undefined
}

const identifierEnd = (text: string, from: number): number => {
  for (let at = from + 1; at < text.length; at += 1) {
    if (text[at] !== '"') continue
    if (text[at + 1] !== '"') return at + 1
    at += 1
  }
  return -1
}

const plain = (text: string, at: number): { kind: TokenKind; end: number } => {
  const first = text[at] ?? ''
  if (identifierStart.test(first)) return { kind: 'word', end: matchAt(patterns.word, text, at) }
  if (text.startsWith('..', at)) return { kind: 'other', end: at + 2 }
  const number = matchAt(patterns.number, text, at)
  if (number >= 0) return { kind: 'number', end: number }
  const parameter = matchAt(patterns.parameter, text, at)
  return { kind: 'other', end: parameter < 0 ? at + 1 : parameter }
}

/** Visits the tokens between two positions. False when a string, identifier or comment has no end. */
export const lex = (text: string, from: number, to: number, visit: TokenVisitor): boolean => {
  for (let at = from; at < to;) {
    const first = text[at] ?? ''
    if (space.test(first)) {
      at += 1
    } else if (text.startsWith('--', at)) {
      at = matchAt(patterns.lineComment, text, at)
    } else if (text.startsWith('/*', at)) {
      at = commentEnd(text, at)
      if (at < 0) return false
    } else {
      const { kind, end } = quoted(text, at) ?? plain(text, at)
      if (end < 0) return false
      if (visit(kind, at, end) === true) return true
      at = end
    }
  }
  return true
}
