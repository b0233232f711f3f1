import type { Word } from './model.js'

/** Whether a program does nothing but read and print with these arguments. */
export type Rule = (args: readonly Word[]) => boolean

/** Whatever its arguments: also ones that are only known when it runs. */
export const always: Rule = () => true

/** Nothing but the words given, each literal. */
export const words = (...allowed: readonly string[]): Rule => {
  const known = new Set(allowed)
  return (args) => args.every(({ kind, text }) => kind === 'literal' && known.has(text))
}

interface Options {
  /** Short options without a value. */
  readonly flags?: string
  /** Short options with one. */
  readonly valued?: string
  /** Long options, exactly; with `=` at the end: with a joined value. */
  readonly longs?: readonly string[]
  /** Most operands (0: none); absent: any number. */
  readonly operands?: number
  readonly operand?: RegExp
}

/** A word that can't be or become an option, nor more than one word unless it is a pattern. */
const isOperand = ({ kind, text }: Word): boolean => kind === 'literal' ? !text.startsWith('-') || text === '-' : kind === 'pattern' && /^[^-*?[]/.test(text)

const shortsFit = (letters: string, { flags = '', valued = '' }: Options): 'fits' | 'takes-next' | 'unknown' => {
  for (let index = 0; index < letters.length; index += 1) {
    const letter = letters.charAt(index)
    if (valued.includes(letter)) return index === letters.length - 1 ? 'takes-next' : 'fits'
    if (!flags.includes(letter)) return 'unknown'
  }
  return 'fits'
}

/** Only options that are listed, and operands that stay operands. */
export const options = (allowed: Options): Rule => (args) => {
  let operands = 0
  for (let index = 0; index < args.length; index += 1) {
    const word = args[index] as Word
    if (word.kind === 'literal' && word.text === '--') {
      operands += args.length - index - 1
      if (allowed.operand !== undefined || args.slice(index + 1).some(({ kind }) => kind !== 'literal')) return false
      break
    }
    if (isOperand(word)) {
      operands += word.kind === 'pattern' ? 2 : 1
      if (allowed.operand !== undefined && !allowed.operand.test(word.text)) return false
      continue
    }
    if (word.kind !== 'literal') return false
    if (word.text.startsWith('--')) {
      const [name, value] = word.text.split(/=(.*)/s)
      if (allowed.longs?.includes(value === undefined ? name ?? '' : `${name}=`) !== true) return false
      continue
    }
    const fit = shortsFit(word.text.slice(1), allowed)
    if (fit === 'unknown') return false
    if (fit === 'takes-next') {
      index += 1
      if (args[index]?.kind !== 'literal') return false
    }
  }
  return allowed.operands === undefined || operands <= allowed.operands
}

/** The first argument picks the rule; options before it are not known. */
export const first = (rules: Readonly<Record<string, Rule>>, alone = false): Rule => (args) => {
  const head = args[0]
  if (head === undefined) return alone
  return head.kind === 'literal' && Object.hasOwn(rules, head.text) && rules[head.text]?.(args.slice(1)) === true
}

/** What any of the rules allows. */
export const either = (...rules: readonly Rule[]): Rule => (args) => rules.some((rule) => rule(args))

export const versionOnly: Rule = (args) => args.length === 1 && words('--version')(args)
