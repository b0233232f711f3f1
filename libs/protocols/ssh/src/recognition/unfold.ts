import type { Assignment, SimpleCommand, Span, Word } from './model.js'
import { findCommands, replaced, scriptOptions } from './nested-commands.js'
import { parse } from './parse.js'
import { readsAlike } from './plain.js'
import { awkOnlyPrints } from './inline-code.js'
import { interpreters, shells } from './programs.js'
import { type Run, literal, nameOf } from './run.js'
import { afterWrapper } from './unwrap.js'
import { type Wrapper, wrappers } from './wrapper-programs.js'

/** How deep programs that run others, and texts for shells within texts, are followed. */
const depthMax = 12

/** A command with the programs that it starts. */
export interface Group {
  readonly command: SimpleCommand
  readonly runs: readonly Run[]
  /** Its text is read alike by sh, dash and bash. */
  readonly plain: boolean
  /** It stands in the text itself, not in an argument of another command. */
  readonly outermost: boolean
}

interface Context {
  readonly via: readonly string[]
  readonly privileged: boolean
  readonly remote: boolean
  readonly appended: boolean
  readonly assignments: readonly Assignment[]
  readonly depth: number
}

const start: Context = { via: [], privileged: false, remote: false, appended: false, assignments: [], depth: 0 }

/** Too many or too deeply nested commands in arguments. */
export class TooDeepError extends Error {
  readonly code = 'shell_text_too_deep'
}

const groupsMax = 2000

const spanOver = (words: readonly Word[]): Span => [Math.min(...words.map(({ span }) => span[0])), Math.max(...words.map(({ span }) => span[1]))]

/** What xargs and the like replace in the command: the value of `-I`, or `{}`. */
const placeholderIn = (own: readonly Word[]): string => {
  const at = own.findIndex(({ text }) => /^-[0-9rtx]*I$/.test(text))
  if (at >= 0) return own[at + 1]?.text ?? ''
  const joined = own.map(({ text }) => /^(?:-[0-9rtx]*I|-i|--replace=)(.+)$/s.exec(text)?.[1]).find((text) => text !== undefined)
  return joined ?? '{}'
}

/** awk's code, as far as it is in the arguments; what can't be known stands as a text that is not harmless. */
const awkCode = (args: readonly Word[]): readonly string[] => {
  const at = args.findIndex(({ text }, index) => !text.startsWith('-') && !/^-[Fv]$/.test(args[index - 1]?.text ?? ''))
  const word = args[at]
  return [word?.kind === 'literal' && args.slice(0, at).every(({ text }) => /^-[Fv]/.test(text) || !text.startsWith('-')) ? word.text : 'system']
}

class Unfolding {
  readonly groups: Group[] = []

  command(command: SimpleCommand, context: Context, plain: boolean): void {
    const runs: Run[] = []
    if (this.groups.length >= groupsMax) throw new TooDeepError('the text runs more commands than are followed')
    this.groups.push({ command, runs, plain, outermost: context.depth === 0 })
    this.words(command.words, { ...context, assignments: [...context.assignments, ...command.assignments] }, command, runs)
  }

  private words(words: readonly Word[], context: Context, command: SimpleCommand, runs: Run[]): void {
    const [head, ...args] = words
    if (head === undefined) return
    if (context.depth > depthMax || runs.length > 100) throw new TooDeepError('commands run commands that run commands, too deeply')
    const invoked = literal(head)
    const run = (own: readonly Word[], opaque: boolean, unfolded: boolean, privileged = context.privileged, remote = context.remote): void => {
      runs.push({
        program: invoked === undefined || invoked === '' || command.construct ? undefined : nameOf(invoked), programPath: invoked?.includes('/') === true ? invoked : undefined, args: own, command,
        assignments: context.assignments, via: context.via, appended: context.appended, privileged, remote, opaque, unfolded,
      })
    }
    if (invoked === undefined || invoked === '' || command.construct) return run(args, !command.construct, false)
    const program = nameOf(invoked)
    const inner: Context = { ...context, via: [...context.via, program], depth: context.depth + 1 }
    if (shells.has(program)) return this.shell(args, inner, command, run)
    const wrapper = Object.hasOwn(wrappers, program) ? wrappers[program] : undefined
    if (wrapper !== undefined) return this.wrapped(args, wrapper, inner, command, runs, run)
    const within = program === 'find' ? findCommands(args) : []
    const scripts = scriptOptions(program, args)
    run(args, this.runsUnknownCode(program, args, command) || scripts.includes(undefined), within.length + scripts.length > 0)
    for (const found of within) this.words(found, { ...inner, appended: true }, command, runs)
    for (const script of scripts) if (script !== undefined) this.script([script], inner, false)
  }

  /** Reads text for a shell; false when it isn't known or can't be read. */
  private script(parts: readonly Word[], context: Context, plainSo: boolean): boolean {
    if (parts.length === 0 || parts.some(({ kind }) => kind !== 'literal')) return false
    const text = parts.map((part) => part.text).join(' ')
    if (text.includes('\0')) return false
    const parsed = parse(text, spanOver(parts))
    if (parsed.kind === 'problem' || parsed.shell.openHereDocument) return false
    const own = parse(text)
    const plain = plainSo && own.kind === 'shell' && own.shell.functions.length === 0 && readsAlike(text, own.shell.commands)
    for (const command of parsed.shell.commands) this.command({ ...command, inShell: false }, context, plain)
    return true
  }

  private shell(args: readonly Word[], inner: Context, command: SimpleCommand, run: (own: readonly Word[], opaque: boolean, unfolded: boolean) => void): void {
    let index = 0
    let reads = false
    for (; index < args.length; index += 1) {
      const word = args[index] as Word
      if (word.kind !== 'literal' || !/^[-+]/.test(word.text) || word.text === '-') break
      if (word.text === '--') {
        index += 1
        break
      }
      // Shells disagree on what else that begins so may be.
      if (!/^(?:[-+][A-Za-z]+|--[a-z-]+)$/.test(word.text)) return run(args, true, false)
      if (/^--(?:rcfile|init-file)$/.test(word.text)) index += 1
      else if (!word.text.startsWith('--')) {
        if (word.text.startsWith('-') && word.text.includes('c')) reads = true
        if (/[oO]$/.test(word.text)) index += 1
      }
    }
    const operand = args[index]
    if (args.length === 1 && literal(args[0]) === '--version') return run(args, false, false)
    if (reads && operand !== undefined) {
      const found = this.script([operand], { ...inner, assignments: [] }, true)
      // What is put into its text when it runs (xargs -I) could be anything.
      return run(args.slice(0, index), !found || inner.appended, found)
    }
    const body = command.redirections.findLast(({ kind }) => kind === 'text')?.body
    if (operand === undefined && body !== undefined && inner.via.length === 1) {
      const found = this.script([{ kind: 'literal', text: body, source: body, span: [command.at, command.at] }], inner, false)
      return run(args, !found, found)
    }
    // A file of commands, or whatever comes in; the file is among the paths read.
    run(args, true, false)
  }

  private wrapped(args: readonly Word[], wrapper: Wrapper, inner: Context, command: SimpleCommand, runs: Run[],
    run: (own: readonly Word[], opaque: boolean, unfolded: boolean, privileged?: boolean, remote?: boolean) => void): void {
    const found = afterWrapper(args, wrapper)
    const privileged = inner.privileged || wrapper.privileged === true
    const context: Context = {
      ...inner, privileged, remote: inner.remote || wrapper.remote === true, appended: inner.appended || wrapper.appends === true, assignments: [...inner.assignments, ...found.assignments],
    }
    const own = args.slice(0, found.rest)
    const rest = wrapper.appends === true ? replaced(args.slice(found.rest), placeholderIn(own)) : args.slice(found.rest)
    const joined = wrapper.joins === true && rest.length > 0 && !found.inert
    const scripted = [...found.scripts, ...(joined ? [rest] : [])]
    const inherits = !found.inert && rest.length > 0 && !joined && !found.opaque
    run(own, found.opaque || (joined && wrapper.appends === true), !found.opaque && (scripted.length > 0 || inherits), privileged)
    for (const script of scripted) {
      if (!this.script(script, context, false)) this.unknown(script, context, command, runs)
    }
    if (inherits) this.words(rest, context, command, runs)
  }

  /** Something runs of which nothing is known. */
  private unknown(args: readonly Word[], { via, appended, privileged, remote, assignments }: Context, command: SimpleCommand, runs: Run[]): void {
    runs.push({ program: undefined, programPath: undefined, args, command, assignments, via, appended, privileged, remote, opaque: true, unfolded: false })
  }

  private runsUnknownCode(program: string, args: readonly Word[], command: SimpleCommand): boolean {
    if (!Object.hasOwn(interpreters, program)) return false
    if (/^(?:g|m|n)?awk$/.test(program)) return !awkCode(args).every(awkOnlyPrints)
    if (program === 'sed') return args.some(({ kind, text }) => kind === 'literal' && !text.startsWith('-') && /(?:^|[;/0-9}$ ])[ewW]\b|\/[gpiIm0-9]*[ew][gpiIm0-9]*(?:;|$| )/.test(text))
    const carriers = interpreters[program] ?? []
    const code = args.some(({ text }) => carriers.some((option) => text === option || (option.length === 2 && text.startsWith(option) && !text.startsWith('--')) || (option.startsWith('--') && text.startsWith(`${option}=`))))
    const clustered = args.some(({ text }) => /^-[A-Za-z]{1,6}$/.test(text) && carriers.some((option) => /^-[a-zA-Z]$/.test(option) && text.endsWith(option.slice(1))))
    return code || clustered || args.length === 0 || args.some(({ text }) => text === '-') || command.redirections.some(({ kind }) => kind === 'text')
  }
}

/** Which programs the commands of a text start, directly and through others. Throws {@link TooDeepError}. */
export const unfold = (commands: readonly SimpleCommand[], plain: boolean): readonly Group[] => {
  const unfolding = new Unfolding()
  for (const command of commands) unfolding.command(command, start, plain)
  return unfolding.groups
}
