import { harmlessPrograms, harmlessVariable, paging, plainName } from './harmless-programs.js'
import { harmlessWrappers } from './harmless-wrappers.js'
import type { Assignment, Redirection, SimpleCommand, Word } from './model.js'
import type { Run } from './run.js'
import type { ShellSettings } from './settings.js'

const systemDirectory = /^(?:\/usr(?:\/local)?)?\/s?bin\/[^/]+$/

const harmlessTargets = new Set(['/dev/null', '/dev/stdout', '/dev/stderr'])

/** bash connects to hosts by these names in redirections. */
export const connects = ({ target }: Redirection): boolean => target !== undefined && /^\/+dev\/+(?:tcp|udp)\//.test(target.text)

const harmlessRedirection = (redirection: Redirection): boolean => {
  switch (redirection.kind) {
    case 'duplicate':
      return true
    case 'read':
      return redirection.target?.kind === 'literal' && !connects(redirection)
    case 'write':
      return redirection.target?.kind === 'literal' && harmlessTargets.has(redirection.target.text)
    case 'both':
    case 'text':
      return false
  }
}

export const harmlessAssignment = ({ name, value }: Assignment, program: string | undefined): boolean => {
  if (value === undefined) return false
  if (name === 'IFS') return program === 'read'
  return value.kind === 'literal' ? harmlessVariable(name, value.text) : plainName.test(name)
}

/** Whether nothing about the command but its programs can do harm: its redirections and assignments. */
export const harmlessCommand = (command: SimpleCommand): boolean =>
  !command.construct && !command.background && command.redirections.every(harmlessRedirection) && command.assignments.every((assignment) => harmlessAssignment(assignment, command.words[0]?.text))

const unknownArgument: Word = { kind: 'dynamic', text: '', source: '', span: [0, 0] }

/** Whether a program is proven to do nothing but read and print, apart from what it runs in turn. */
export const harmlessRun = (run: Run, settings: ShellSettings): boolean => {
  const { program, programPath, unfolded } = run
  if (program === undefined || run.opaque || run.privileged || run.remote) return false
  if (programPath !== undefined && !systemDirectory.test(programPath)) return false
  if (!run.assignments.every((assignment) => harmlessAssignment(assignment, program))) return false
  const args = run.appended ? [...run.args, unknownArgument] : run.args
  if (unfolded && Object.hasOwn(harmlessWrappers, program) && harmlessWrappers[program]?.(args) !== true) return false
  if (unfolded && program !== 'find') return Object.hasOwn(harmlessWrappers, program)
  if (settings.terminal && paging.has(program) && !args.some(({ kind, text }) => kind === 'literal' && text === '--no-pager')) return false
  if (settings.harmless.get(program)?.(args) === true) return true
  return Object.hasOwn(harmlessPrograms, program) && harmlessPrograms[program]?.(args) === true
}
