import type { Assignment, Word } from './model.js'
import type { Wrapper } from './wrapper-programs.js'

export interface Unwrapped {
  /** Index of the first word of the command it runs. */
  readonly rest: number
  readonly assignments: readonly Assignment[]
  /** Texts for a shell among its options. */
  readonly scripts: readonly (readonly Word[])[]
  /** It runs nothing. */
  readonly inert: boolean
  /** It runs something that can't be known. */
  readonly opaque: boolean
}

const assignmentOf = (word: Word): Assignment => {
  const [name = '', value = ''] = word.text.split(/=(.*)/s)
  return { name, value: { ...word, text: value }, span: word.span }
}

/** Reads a wrapper's own arguments; what follows them is the command that it runs. */
export const afterWrapper = (args: readonly Word[], wrapper: Wrapper): Unwrapped => {
  const assignments: Assignment[] = []
  const scripts: (readonly Word[])[] = []
  let operands = wrapper.subcommands === undefined ? wrapper.operands ?? 0 : -1
  let opaque = false
  let inert = false
  let index = 0
  const script = (value: Word | undefined): void => {
    if (value === undefined) opaque = true
    else scripts.push([value])
  }
  for (; index < args.length; index += 1) {
    const word = args[index] as Word
    const text = word.text
    if (text === '--' && word.kind === 'literal') {
      index += 1
      break
    }
    if (/^-./.test(text)) {
      const [name = '', joined] = text.startsWith('--') ? text.split(/=(.*)/s) : [text, undefined]
      if (word.kind !== 'literal') opaque = true
      if (wrapper.opaque?.some((option) => name === option || isCluster(text, option, wrapper.valued)) === true) opaque = true
      if (wrapper.inert?.some((option) => name === option || isCluster(text, option, wrapper.valued)) === true) inert = true
      const scripted = wrapper.scripts?.find((option) => name === option || isCluster(text, option, wrapper.valued))
      if (scripted !== undefined) {
        if (joined !== undefined) script({ ...word, text: joined })
        else {
          index += 1
          script(args[index])
        }
      } else if (joined === undefined && takesNext(text, wrapper)) index += 1
      continue
    }
    if (wrapper.assignments === true && /^[A-Za-z_][A-Za-z0-9_]*=/.test(text)) {
      assignments.push(assignmentOf(word))
      continue
    }
    if (operands === -1) {
      // `docker exec`: the subcommand, then its options.
      if (word.kind !== 'literal') return { rest: args.length, assignments, scripts, inert: false, opaque: true }
      if (wrapper.subcommands?.includes(text) !== true) return { rest: args.length, assignments, scripts, inert: true, opaque: false }
      operands = wrapper.operands ?? 0
      continue
    }
    if (operands === 0) break
    operands -= 1
  }
  const alone = index >= args.length && scripts.length === 0 && !inert && (wrapper.shellAlone === true || wrapper.joins === true)
  // A command that begins with something only known when it runs may be an option.
  return { rest: Math.min(index, args.length), assignments, scripts, inert, opaque: opaque || alone }
}

/** Whether a short option stands in a cluster such as `-lc`, before one that takes a value. */
const isCluster = (text: string, option: string, valued = ''): boolean => {
  if (option.length !== 2 || text.startsWith('--')) return false
  for (const letter of text.slice(1)) {
    if (letter === option.charAt(1)) return true
    if (valued.includes(letter)) return false
  }
  return false
}

const takesNext = (text: string, { valued = '', longValued = [] }: Wrapper): boolean => {
  if (text.startsWith('--')) return longValued.includes(text)
  const at = [...text.slice(1)].findIndex((letter) => valued.includes(letter))
  return at >= 0 && at === text.length - 2
}
