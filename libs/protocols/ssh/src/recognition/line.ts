import { parse as parseBash } from 'unbash'
import type { SimpleCommand } from './model.js'
import { parse } from './parse.js'
import { changesShell } from './recognise.js'

/** A command of the shell itself, with what a governed shell must know to carry it out. */
export type Builtin =
  | { readonly kind: 'cd'; /** Undefined: home; `-`: the one before. */ readonly directory: string | undefined }
  | { readonly kind: 'export'; readonly names: readonly { readonly name: string; readonly value: string | undefined }[] }
  | { readonly kind: 'assign'; readonly names: readonly { readonly name: string; readonly value: string }[] }
  | { readonly kind: 'unset'; readonly names: readonly string[] }
  | { readonly kind: 'exit'; readonly status: number | undefined }
  | { readonly kind: 'pwd' }
  | { readonly kind: 'history' }
  | { readonly kind: 'alias'; readonly arguments: readonly string[] }

/** What a typed line is, so far. */
export type Line =
  | {
    readonly state: 'complete'
    /** The commands, when they are builtins and nothing else, one after the other (`;`, newline, `&&`); else undefined. */
    readonly builtins: readonly Builtin[] | undefined
    /** Something in it may change the shell that runs it: its directory, variables, options, functions. */
    readonly changesShell: boolean
    /** Nothing but blanks and comments. */
    readonly empty: boolean
  }
  /** More must follow: an open quote, here-document or construct, a trailing backslash or operator. */
  | { readonly state: 'incomplete' }
  | { readonly state: 'invalid'; readonly problem: string }

const literals = (command: SimpleCommand): readonly string[] | undefined =>
  command.words.every(({ kind, text, source }) => kind === 'literal' && !(text.startsWith('~') && source.startsWith('~'))) ? command.words.map(({ text }) => text) : undefined

const nameOnly = /^[A-Za-z_][A-Za-z0-9_]*$/

const exportOf = (args: readonly string[]): Builtin | undefined => {
  const names = args.map((arg) => {
    const [name = '', value] = arg.split(/=(.*)/s)
    return { name, value }
  })
  return names.length > 0 && names.every(({ name }) => nameOnly.test(name)) ? { kind: 'export', names } : undefined
}

const commandOf = ([name, ...args]: readonly string[]): Builtin | undefined => {
  switch (name) {
    case 'cd':
      return args.length > 1 || (args[0] !== '-' && args[0]?.startsWith('-') === true) ? undefined : { kind: 'cd', directory: args[0] }
    case 'export':
      return exportOf(args)
    case 'unset':
      return args.length > 0 && args.every((arg) => nameOnly.test(arg)) ? { kind: 'unset', names: args } : undefined
    case 'exit':
    case 'logout':
      return args.length > 1 || (args[0] !== undefined && !/^\d{1,3}$/.test(args[0])) ? undefined : { kind: 'exit', status: args[0] === undefined ? undefined : Number(args[0]) & 255 }
    case 'pwd':
      return args.length === 0 ? { kind: 'pwd' } : undefined
    case 'history':
      return args.length === 0 ? { kind: 'history' } : undefined
    case 'alias':
      return { kind: 'alias', arguments: args }
    default:
      return undefined
  }
}

const builtinOf = (command: SimpleCommand): Builtin | undefined => {
  if (!command.inShell || command.background || command.construct || command.redirections.length > 0) return undefined
  if (command.words.length === 0) {
    const names = command.assignments.flatMap(({ name, value }) => value?.kind === 'literal' ? [{ name, value: value.text }] : [])
    return names.length > 0 && names.length === command.assignments.length ? { kind: 'assign', names } : undefined
  }
  const words = literals(command)
  return words === undefined || command.assignments.length > 0 ? undefined : commandOf(words)
}

/** What ends what a message of the parser misses. */
const endings: readonly (readonly [pattern: RegExp, text: string])[] = [
  [/expected 'then'/, '\nthen'], [/expected 'do'/, '\ndo'], [/to close 'if'/, '\nfi'], [/to close '(?:for|while|until|select)'/, '\ndone'], [/to close 'case'/, '\nesac'],
  [/to close '\[\['/, ' ]]'], [/to close brace group/, '\n}'], [/to close subshell/, ')'], [/function body/, ' { :; }'], [/expected command/, '\n:'], [/expected redirect/, ' x'], [/expected /, ' x'],
]
const endingsMax = 40

const firstProblem = (text: string): string | undefined => {
  const parsed = parse(text)
  return parsed.kind === 'problem' ? parsed.problem : undefined
}

/** Whether something can follow that makes it valid: what the parser misses is added, as long as that moves its first complaint on. */
const canGoOn = (text: string): boolean => {
  let tried = text
  for (let count = 0; count < endingsMax; count += 1) {
    const problem = firstProblem(tried)
    // Nothing but more text can end an open quote or substitution; whether it will be right then, nobody knows yet.
    if (problem === undefined || problem.startsWith('unterminated')) return true
    const ending = endings.find(([pattern]) => pattern.test(problem))
    if (ending === undefined) return false
    tried += ending[1]
  }
  return false
}

/** A backslash at the very end joins the next line, unless it is quoted or in a comment. */
const joinsNext = (text: string): boolean => {
  if (/(?:^|[^\\])(?:\\\\)*\\$/.exec(text) === null) return false
  const script = parseBash(`${text}\nx`)
  const last = script.commands.at(-1)
  return last === undefined || last.pos <= text.length
}

/** Reads what was typed so far. Pure; never throws; time grows with the length times the number of open constructs (at most 40). */
export const lineOf = (text: string): Line => {
  if (text.includes('\0')) return { state: 'invalid', problem: 'the text contains a NUL byte' }
  const parsed = parse(text)
  if (parsed.kind === 'problem') return canGoOn(text) ? { state: 'incomplete' } : { state: 'invalid', problem: parsed.problem }
  const { commands, functions, openHereDocument } = parsed.shell
  if (openHereDocument || joinsNext(text)) return { state: 'incomplete' }
  const builtins = commands.map(builtinOf)
  const sequence = builtins.every((builtin) => builtin !== undefined) && !/\|\||\bif\b|\bwhile\b|\bfor\b|[!{]/.test(text)
  return {
    state: 'complete',
    builtins: sequence && commands.length > 0 ? builtins as readonly Builtin[] : undefined,
    changesShell: functions.length > 0 || commands.some(changesShell),
    empty: commands.length === 0,
  }
}
