/** Lexical view of Cedar text: enough to find policies, annotations and uses of variables with their positions. Cedar itself parses. */
export type TokenKind = 'word' | 'string' | 'number' | 'slot' | 'symbol'

export interface Token {
  readonly kind: TokenKind
  readonly text: string
  /** Offset in code units. */
  readonly at: number
}

const SPACE = /(?:\s|\/\/[^\n\r]*)+/y
const FORMS: readonly (readonly [TokenKind, RegExp])[] = [
  ['word', /[_a-zA-Z][_a-zA-Z0-9]*/y],
  ['string', /"[^"\\]*(?:\\[\s\S][^"\\]*)*"/y],
  ['number', /[0-9]+/y],
  ['slot', /\?[_a-zA-Z][_a-zA-Z0-9]*/y],
  ['symbol', /::|==|!=|<=|>=|&&|\|\||[\s\S]/uy],
]

/** Never fails: what isn't a token of Cedar becomes one-character symbols that Cedar refuses. */
export const tokenise = (text: string): Token[] => {
  const tokens: Token[] = []
  let at = skip(text, 0)
  while (at < text.length) {
    const token = tokenAt(text, at)
    tokens.push(token)
    at = skip(text, at + token.text.length)
  }
  return tokens
}

const skip = (text: string, at: number): number => {
  SPACE.lastIndex = at
  return SPACE.test(text) ? SPACE.lastIndex : at
}

const tokenAt = (text: string, at: number): Token => {
  for (const [kind, form] of FORMS) {
    form.lastIndex = at
    const found = form.exec(text)
    if (found !== null) return { kind, text: found[0], at }
  }
  return { kind: 'symbol', text: text.slice(at, at + 1), at }
}

/** One statement of a document: its text from the first token to its `;`, and where that begins. */
export interface Statement {
  readonly text: string
  readonly at: number
  readonly tokens: readonly Token[]
}

/** Splits at `;`, which Cedar uses for nothing else outside strings and comments. */
export const statementsOf = (text: string): Statement[] => {
  const statements: Statement[] = []
  let tokens: Token[] = []
  const close = (): void => {
    const first = tokens[0]
    const last = tokens.at(-1)
    if (first === undefined || last === undefined) return
    statements.push({ text: text.slice(first.at, last.at + last.text.length), at: first.at, tokens })
    tokens = []
  }
  for (const token of tokenise(text)) {
    tokens.push(token)
    if (token.text === ';' && token.kind === 'symbol') close()
  }
  close()
  return statements
}

/** Line and column, both from 1, the column in characters (code points). */
export const positionAt = (text: string, at: number): { line: number; column: number } => {
  const before = text.slice(0, at)
  const lineStart = before.lastIndexOf('\n') + 1
  let line = 1
  for (let index = before.indexOf('\n'); index !== -1; index = before.indexOf('\n', index + 1)) line++
  return { line, column: [...before.slice(lineStart)].length + 1 }
}

/** Cedar counts bytes of UTF-8; JavaScript counts code units. */
export const codeUnitsOf = (text: string, bytes: number): number => {
  let counted = 0
  let units = 0
  for (const character of text) {
    if (counted >= bytes) break
    const point = character.codePointAt(0) ?? 0
    counted += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4
    units += character.length
  }
  return units
}
