import { graphemes } from './width.js'
import type { Key, KeyName } from './keys.js'

/** What is typed at a prompt: the text left and right of the cursor, and where in the history it is. */
export interface EditedLine {
  readonly before: string
  readonly after: string
  /** Index in the history; its length: the line that is being written. */
  readonly at: number
  /** The line that is being written, while another is looked at. */
  readonly draft: string
  /** What was deleted last. */
  readonly killed: string
  /** Searching the history (Ctrl-R): what for. */
  readonly search: string | undefined
}

export type Edit =
  | { readonly kind: 'edited'; readonly line: EditedLine }
  | { readonly kind: 'entered'; readonly line: EditedLine }
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'ended' }
  | { readonly kind: 'clear-screen'; readonly line: EditedLine }
  /** Nothing could be done. */
  | { readonly kind: 'bell' }

export const emptyLine = (history: readonly string[]): EditedLine => ({ before: '', after: '', at: history.length, draft: '', killed: '', search: undefined })

export const textOf = ({ before, after }: EditedLine): string => before + after

/** How much of a text is enough to find its last sign or its first. */
const SIGN_CHARS = 64
const lastSign = (text: string): string => graphemes(text.slice(-SIGN_CHARS)).at(-1) ?? ''
const firstSign = (text: string): string => graphemes(text.slice(0, SIGN_CHARS))[0] ?? ''

/** The ends of signs on both sides of an offset: nothing is cut within one. */
const signAround = (text: string, offset: number): readonly [before: number, behind: number] => {
  let end = 0
  for (const sign of graphemes(text)) {
    if (end + sign.length > offset) return [end, end === offset ? end : end + sign.length]
    end += sign.length
  }
  return [end, end]
}

const fromMatch = (text: string, pattern: RegExp): string => text.slice(signAround(text, pattern.exec(text)!.index)[0])
const wordLeft = (text: string): string => fromMatch(text, /[\p{L}\p{N}_]*[^\p{L}\p{N}_]*$/u)
/** Ctrl-W goes by blanks, as bash has it. */
const blankWordLeft = (text: string): string => fromMatch(text, /\S*\s*$/)
const wordRight = (text: string): string => text.slice(0, signAround(text, /^[^\p{L}\p{N}_]*[\p{L}\p{N}_]*/u.exec(text)![0].length)[1])

const shown = (line: EditedLine, text: string, at: number): EditedLine => ({ ...line, before: text, after: '', at })

const older = (line: EditedLine, history: readonly string[]): EditedLine | undefined => {
  if (line.at === 0) return undefined
  const draft = line.at === history.length ? textOf(line) : line.draft
  return { ...shown(line, history[line.at - 1]!, line.at - 1), draft }
}

const newer = (line: EditedLine, history: readonly string[]): EditedLine | undefined =>
  line.at >= history.length ? undefined : shown(line, line.at + 1 === history.length ? line.draft : history[line.at + 1]!, line.at + 1)

const inserted = (line: EditedLine, text: string, charsMax: number): EditedLine | undefined =>
  line.before.length + line.after.length + text.length > charsMax ? undefined : { ...line, before: line.before + text }

const cutLeft = (line: EditedLine, cut: string, keep = true): EditedLine | undefined =>
  cut === '' ? undefined : { ...line, before: line.before.slice(0, line.before.length - cut.length), ...(keep ? { killed: cut } : {}) }

const cutRight = (line: EditedLine, cut: string, keep = true): EditedLine | undefined => cut === '' ? undefined : { ...line, after: line.after.slice(cut.length), ...(keep ? { killed: cut } : {}) }

const moved = (line: EditedLine, by: string, way: 'left' | 'right'): EditedLine | undefined => {
  if (by === '') return undefined
  return way === 'left' ? { ...line, before: line.before.slice(0, line.before.length - by.length), after: by + line.after } : { ...line, before: line.before + by, after: line.after.slice(by.length) }
}

const transposed = (line: EditedLine): EditedLine | undefined => {
  const right = line.after === '' ? lastSign(line.before) : firstSign(line.after)
  const kept = line.after === '' ? line.before.slice(0, line.before.length - right.length) : line.before
  const left = lastSign(kept)
  return left === '' || right === '' ? undefined : { ...line, before: kept.slice(0, kept.length - left.length) + right + left, after: line.after === '' ? '' : line.after.slice(right.length) }
}

type Change = (line: EditedLine, history: readonly string[], charsMax: number) => EditedLine | undefined

const changes: Readonly<Partial<Record<KeyName, Change>>> = {
  left: (line) => moved(line, lastSign(line.before), 'left'),
  right: (line) => moved(line, firstSign(line.after), 'right'),
  home: (line) => moved(line, line.before, 'left') ?? line,
  end: (line) => moved(line, line.after, 'right') ?? line,
  'word-left': (line) => moved(line, wordLeft(line.before), 'left'),
  'word-right': (line) => moved(line, wordRight(line.after), 'right'),
  up: older,
  down: newer,
  backspace: (line) => cutLeft(line, lastSign(line.before), false),
  delete: (line) => cutRight(line, firstSign(line.after), false),
  'delete-word-left': (line) => cutLeft(line, blankWordLeft(line.before)),
  'delete-word-right': (line) => cutRight(line, wordRight(line.after)),
  'delete-to-start': (line) => cutLeft(line, line.before),
  'delete-to-end': (line) => cutRight(line, line.after),
  transpose: transposed,
  yank: (line, _history, charsMax) => line.killed === '' ? undefined : inserted(line, line.killed, charsMax),
}

const edited = (line: EditedLine | undefined): Edit => (line === undefined ? { kind: 'bell' } : { kind: 'edited', line })

/** The newest entry before `from` that holds what is searched for. */
const found = (history: readonly string[], search: string, from: number): number => {
  for (let at = Math.min(from, history.length - 1); at >= 0; at -= 1) if (history[at]!.includes(search)) return at
  return -1
}

/** Keys while the history is searched; undefined: the search ends, and the key means what it means. */
const searched = (line: EditedLine, search: string, key: Key, history: readonly string[]): Edit | undefined => {
  const look = (text: string, from: number): Edit => {
    const at = found(history, text, from)
    return at === -1 ? { kind: 'bell' } : edited({ ...shown(line, history[at]!, at), draft: line.at === history.length ? textOf(line) : line.draft, search: text })
  }
  if (key.kind === 'text') return look(search + key.text, line.at)
  if (key.kind !== 'key') return undefined
  if (key.name === 'search') return look(search, line.at - 1)
  if (key.name === 'backspace') return edited({ ...line, search: search.slice(0, search.length - lastSign(search).length) })
  if (key.name === 'escape') return edited({ ...shown(line, line.draft, history.length), search: undefined })
  return undefined
}

/** What a key does. Pure; `charsMax` bounds the line. */
export const press = (line: EditedLine, key: Key, history: readonly string[], charsMax: number): Edit => {
  if (line.search !== undefined) {
    const answer = searched(line, line.search, key, history)
    if (answer !== undefined) return answer
    return press({ ...line, search: undefined }, key, history, charsMax)
  }
  if (key.kind === 'text') return edited(inserted(line, key.text, charsMax))
  if (key.kind === 'paste') return edited(inserted(line, key.text.replaceAll(/\r\n?/g, '\n'), charsMax))
  switch (key.name) {
    case 'enter':
      return { kind: 'entered', line }
    case 'cancel':
      return { kind: 'cancelled' }
    case 'clear-screen':
      return { kind: 'clear-screen', line }
    case 'end-of-input':
      return textOf(line) === '' ? { kind: 'ended' } : edited(cutRight(line, firstSign(line.after), false))
    case 'search':
      return edited({ ...line, search: '', draft: line.at === history.length ? textOf(line) : line.draft })
    case 'escape':
      return { kind: 'edited', line }
    default:
      return edited(changes[key.name]?.(line, history, charsMax))
  }
}
