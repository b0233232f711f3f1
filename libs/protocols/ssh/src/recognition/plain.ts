import type { SimpleCommand, Word } from './model.js'

/**
 * A second, independent reading of the part of the shell language that sh, dash, bash and the like read alike: words, quotes, `$name`, `${name}`, `$(…)`,
 * lists, pipelines, groups, `if`, `while`, `until`, `for … in`, and `<` `>` `>>` `<&` `>&`. It gives up on everything else.
 * A text is proven to be a read only where this and the parser read the same commands in it.
 */
interface Plain {
  /** Each command as {@link keyOf} writes it. */
  readonly keys: string[]
}

class NotPlainError extends Error {
  readonly code = 'not_plain'
}

const depthMax = 8

type WordKey = readonly [kind: Word['kind'], text: string, source: string]

const keyOf = (words: readonly WordKey[], assignments: readonly string[], redirections: readonly string[]): string => JSON.stringify([words, assignments, redirections])

const isBlank = (char: string): boolean => char === ' ' || char === '\t'
const isMeta = (char: string): boolean => char === '' || ' \t\n;|&<>()'.includes(char)

interface Current {
  words: WordKey[]
  assignments: string[]
  redirections: string[]
}

/** How many groups of each kind are open, innermost last. */
type Open = '(' | '{' | 'if' | 'then' | 'do' | 'while'

class Reader {
  private at = 0
  private readonly keys: string[] = []

  constructor(private readonly text: string) {}

  read(): Plain {
    this.list(0, false)
    if (this.at < this.text.length) throw new NotPlainError()
    return { keys: this.keys }
  }

  private char(ahead = 0): string {
    return this.text[this.at + ahead] ?? ''
  }

  private blanks(): void {
    for (;;) {
      if (isBlank(this.char())) this.at += 1
      else if (this.char() === '\\' && this.char(1) === '\n') this.at += 2
      else break
    }
    if (this.char() === '#') while (this.at < this.text.length && this.char() !== '\n') this.at += 1
  }

  /** Commands up to the end of the text, or to the `)` that ends a substitution. */
  private list(depth: number, substitution: boolean): void {
    if (depth > depthMax) throw new NotPlainError()
    const open: Open[] = []
    let current: Current = { words: [], assignments: [], redirections: [] }
    /** After a group's end only redirections can follow. */
    let closed = false
    let negated = false
    const end = (): void => {
      if (negated && !closed && current.words.length + current.assignments.length + current.redirections.length === 0) throw new NotPlainError()
      negated = false
      if (current.words.length + current.assignments.length + current.redirections.length > 0) this.keys.push(keyOf(current.words, current.assignments, current.redirections))
      current = { words: [], assignments: [], redirections: [] }
      closed = false
    }
    for (;;) {
      this.blanks()
      const char = this.char()
      if (char === '') {
        if (substitution || open.length > 0) throw new NotPlainError()
        end()
        return
      }
      if (this.separator()) {
        end()
      } else if (char === '(') {
        if (closed || current.words.length + current.assignments.length + current.redirections.length > 0 || this.char(1) === '(') throw new NotPlainError()
        this.at += 1
        negated = false
        open.push('(')
        if (open.length > depthMax) throw new NotPlainError()
      } else if (char === ')') {
        end()
        if (open.length === 0 && substitution) {
          this.at += 1
          return
        }
        if (open.pop() !== '(') throw new NotPlainError()
        this.at += 1
        closed = true
      } else if (char === '<' || char === '>' || (/\d/.test(char) && /^\d[<>]/.test(this.text.slice(this.at, this.at + 2)))) {
        current.redirections.push(this.redirection(depth))
      } else {
        if (closed) {
          // `} then`, `) done`: a reserved word may follow a group's end directly, but this reading wants a separator.
          throw new NotPlainError()
        }
        const start = this.at
        const word = this.word(depth)
        const source = word[2]
        const first = current.words.length + current.assignments.length + current.redirections.length === 0
        if (first && this.reserved(source, open)) {
          if (source === 'for') this.forHead(depth)
          if (source === '!' && negated) throw new NotPlainError()
          negated = source === '!'
          closed = source === '}' || source === 'fi' || source === 'done'
          continue
        }
        const assigned = current.words.length === 0 ? /^[A-Za-z_][A-Za-z0-9_]*=/.exec(source) : null
        if (assigned !== null) {
          if (this.text.startsWith('(', this.at)) throw new NotPlainError()
          current.assignments.push(this.text.slice(start, this.at))
        } else {
          current.words.push(word)
        }
      }
    }
  }

  /** Takes what ends a command: a newline, `;`, `|`, `||` or `&&`. */
  private separator(): boolean {
    const char = this.char()
    if (char === '\n' || char === ';') {
      this.at += 1
      if (char === ';' && (this.char() === ';' || this.char() === '&')) throw new NotPlainError()
      return true
    }
    if (char === '|') {
      this.at += this.char(1) === '|' ? 2 : 1
      if (this.char() === '&' || this.char() === '|') throw new NotPlainError()
      return true
    }
    if (char !== '&') return false
    if (this.char(1) !== '&' || this.char(2) === '&' || this.char(2) === '>') throw new NotPlainError()
    this.at += 2
    return true
  }

  /** Whether the first word of a command is structure; keeps count of what is open. */
  private reserved(source: string, open: Open[]): boolean {
    const last = open.at(-1)
    switch (source) {
      case 'if':
      case 'while':
      case 'until':
        open.push(source === 'if' ? 'if' : 'while')
        break
      case 'for':
        open.push('while')
        break
      case '{':
        open.push('{')
        break
      case 'then':
      case 'do':
        if (last !== (source === 'then' ? 'if' : 'while')) throw new NotPlainError()
        open[open.length - 1] = source
        return true
      case 'elif':
      case 'else':
        if (last !== 'then') throw new NotPlainError()
        if (source === 'elif') open[open.length - 1] = 'if'
        return true
      case 'fi':
      case 'done':
      case '}':
        if (last !== (source === 'fi' ? 'then' : source === 'done' ? 'do' : '{')) throw new NotPlainError()
        open.pop()
        return true
      case '!':
        return true
      case 'case':
      case 'esac':
      case 'function':
      case 'select':
      case 'time':
      case 'coproc':
      case 'in':
      case '[[':
      case ']]':
        throw new NotPlainError()
      default:
        return false
    }
    if (open.length > depthMax) throw new NotPlainError()
    return true
  }

  /** `name in word…` after `for`, up to its separator. */
  private forHead(depth: number): void {
    this.blanks()
    if (!/^[a-z_][a-z0-9_]*$/.test(this.word(depth)[2])) throw new NotPlainError()
    this.blanks()
    if (this.word(depth)[2] !== 'in') throw new NotPlainError()
    for (;;) {
      this.blanks()
      if (this.char() === ';' || this.char() === '\n') {
        this.at += 1
        if (this.char() === ';') throw new NotPlainError()
        // The separator ended the head; `do` follows as the first word of what comes next.
        return this.skipToDo()
      }
      if (isMeta(this.char())) throw new NotPlainError()
      this.word(depth)
    }
  }

  private skipToDo(): void {
    for (;;) {
      this.blanks()
      if (this.char() !== '\n') break
      this.at += 1
    }
    if (!/^do[ \t\n]/.test(this.text.slice(this.at, this.at + 3))) throw new NotPlainError()
  }

  private redirection(depth: number): string {
    const descriptor = /\d/.test(this.char()) ? this.char() : ''
    this.at += descriptor.length
    const operator = ['>>', '<&', '>&', '<', '>'].find((candidate) => this.text.startsWith(candidate, this.at)) ?? ''
    this.at += operator.length
    if ('<>|&('.includes(this.char()) && this.char() !== '') throw new NotPlainError()
    this.blanks()
    if (isMeta(this.char())) throw new NotPlainError()
    const [kind, text, source] = this.word(depth)
    if (kind !== 'literal' || (operator.endsWith('&') && !/^(?:\d|-)$/.test(source))) throw new NotPlainError()
    return `${operator}${JSON.stringify([kind, text, source])}`
  }

  private word(depth: number): WordKey {
    const start = this.at
    let text = ''
    let kind: Word['kind'] = 'literal'
    const known = (more: string): void => {
      if (kind !== 'dynamic') text += more
    }
    while (!isMeta(this.char())) {
      const char = this.char()
      if (char === '\\') {
        if (this.char(1) === '') throw new NotPlainError()
        if (this.char(1) !== '\n') known(this.char(1))
        this.at += 2
      } else if (char === "'") {
        const close = this.text.indexOf("'", this.at + 1)
        if (close < 0) throw new NotPlainError()
        known(this.text.slice(this.at + 1, close))
        this.at = close + 1
      } else if (char === '"') {
        const inner = this.quoted(depth)
        known(inner.text)
        if (inner.dynamic) kind = 'dynamic'
      } else if (char === '$') {
        if (this.dollar(depth)) kind = 'dynamic'
        else known('$')
      } else if (char === '`' || ((char === '{' || char === '}') && !this.aloneBraces(start))) {
        throw new NotPlainError()
      } else {
        if (kind === 'literal' && '*?['.includes(char)) kind = 'pattern'
        known(char)
        this.at += 1
      }
    }
    const source = this.text.slice(start, this.at)
    if (source === '' || (kind === 'pattern' && /[()]/.test(this.char()))) throw new NotPlainError()
    // A bracket that is never closed is no pattern, in particular the command `[`.
    if (kind === 'pattern' && !/[*?]|\[.*\]/s.test(text)) kind = 'literal'
    return [kind, text, source]
  }

  /** `{`, `}` and `{}` as words of their own are what they are in every shell. */
  private aloneBraces(start: number): boolean {
    return /^(?:\{\}|\{|\})(?=[ \t\n;|&<>()]|$)/.test(this.text.slice(start, start + 3))
  }

  private quoted(depth: number): { readonly text: string; readonly dynamic: boolean } {
    this.at += 1
    let text = ''
    let dynamic = false
    for (;;) {
      const char = this.char()
      if (char === '' || char === '`') throw new NotPlainError()
      if (char === '"') break
      if (char === '\\') {
        const next = this.char(1)
        if (next === '') throw new NotPlainError()
        if (!dynamic && next !== '\n') text += '$`"\\'.includes(next) ? next : `\\${next}`
        this.at += 2
      } else if (char === '$') {
        if (this.dollar(depth)) dynamic = true
        else if (!dynamic) text += '$'
      } else {
        if (!dynamic) text += char
        this.at += 1
      }
    }
    this.at += 1
    return { text, dynamic }
  }

  /** An expansion; false: the `$` is one. */
  private dollar(depth: number): boolean {
    const rest = this.text.slice(this.at, this.at + 200)
    const name = /^\$(?:[A-Za-z_][A-Za-z0-9_]*|[0-9?#@*$!-]|\{(?:[A-Za-z_][A-Za-z0-9_]*|[0-9?#@*$!])\})/.exec(rest)
    if (name !== null) {
      this.at += name[0].length
      // Too long to have been seen whole, or an array's element in some shells.
      if (name[0].length > 150 || this.char() === '[') throw new NotPlainError()
      return true
    }
    if (rest.startsWith('$(') && !rest.startsWith('$((')) {
      this.at += 2
      this.list(depth + 1, true)
      return true
    }
    if (/^\$(?:[ \t\n;|&<>)"/.,:%=]|$)/.test(rest)) {
      this.at += 1
      return false
    }
    throw new NotPlainError()
  }
}

const sameKeys = (text: string, command: SimpleCommand): string => keyOf(
  command.words.map(({ kind, text: value, source }) => [kind, value, source]),
  command.assignments.map(({ span }) => text.slice(...span)),
  command.redirections.map(({ operator, target }) => `${operator}${target === undefined ? '' : JSON.stringify([target.kind, target.text, target.source])}`),
)

/** Whether the text is plain and its commands are the ones given. */
export const readsAlike = (text: string, commands: readonly SimpleCommand[]): boolean => {
  // Control characters are part of words in some places and not in others.
  if (/[^\n\t\x20-\x7e\u00a1-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u.test(text) || commands.some(({ construct }) => construct)) return false
  try {
    const { keys } = new Reader(text).read()
    const others = commands.map((command) => sameKeys(text, command)).sort()
    return keys.length === others.length && keys.sort().every((key, index) => key === others[index])
  } catch (error) {
    if (error instanceof NotPlainError) return false
    throw error
  }
}
