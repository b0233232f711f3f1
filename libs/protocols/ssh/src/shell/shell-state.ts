import { harmlessVariable } from '../recognition/harmless-programs.js'

/** A variable as lines have left it. */
export type Variable =
  | { readonly kind: 'exported'; readonly value: string }
  /** Of the shell alone: programs don't see it. */
  | { readonly kind: 'local'; readonly value: string }
  | { readonly kind: 'unset' }

/** What one line leaves to the next. */
export interface ShellState {
  /** Absolute; undefined while the target has not said where a shell of it begins. */
  readonly directory: string | undefined
  readonly previousDirectory: string | undefined
  /** What differs from what every command on the target begins with. */
  readonly variables: ReadonlyMap<string, Variable>
  /** Exit status of the line before. */
  readonly status: number
}

export const freshState: ShellState = { directory: undefined, previousDirectory: undefined, variables: new Map(), status: 0 }

/** Names of variables that are set or taken away and may change what harmless programs do. */
export const riskyVariables = ({ variables }: ShellState): readonly string[] =>
  [...variables].filter(([name, variable]) => !harmlessVariable(name, variable.kind === 'unset' ? '' : variable.value)).map(([name]) => name)

/** All that changes what a line means, as it is part of what is approved. */
export const circumstancesOf = ({ directory, previousDirectory, variables, status }: ShellState): readonly string[] => [
  `directory=${directory ?? ''}`, `previous=${previousDirectory ?? ''}`, `status=${status}`,
  ...[...variables].sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, variable]) => (variable.kind === 'unset' ? `unset ${name}` : `${variable.kind} ${name}=${variable.value}`)),
]

/** What approvers are shown besides the line: where it runs, and which variables lines before it have left. */
export const shownCircumstances = ({ directory, variables }: ShellState): readonly string[] => [
  `in ${directory ?? 'the home directory'}`,
  ...(variables.size === 0 ? [] : [`with variables ${[...variables.keys()].sort().join(', ')}`]),
]

/** What a line reported when it had ended. */
export interface Report {
  readonly directory: string
  /** Of its process before it ran, and after. */
  readonly before: ReadonlyMap<string, string>
  readonly after: ReadonlyMap<string, string>
  /** Names that it assigned to, with what they hold. */
  readonly assigned: ReadonlyMap<string, string>
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/
/** What each process has of its own, or a shell doesn't let anybody set. */
const OWN = new Set(['_', 'PWD', 'OLDPWD', 'SHLVL', 'COLUMNS', 'LINES', 'SSH_TTY', 'SSH_CLIENT', 'SSH_CONNECTION', 'UID', 'EUID', 'PPID', 'SHELLOPTS', 'BASHOPTS', 'BASHPID', 'BASH_EXECUTION_STRING', 'RANDOM', 'SECONDS', 'LINENO'])
const isKept = (name: string): boolean => NAME.test(name) && !OWN.has(name)

export const DIRECTORY_BYTES_MAX = 4 * 1024
/** Linux takes 128 KiB for a whole command, this is a part of it. */
const VARIABLES_MAX = 200
const VARIABLES_BYTES_MAX = 32 * 1024

const bytesOf = (variables: ReadonlyMap<string, Variable>): number => [...variables].reduce((sum, [name, variable]) => sum + Buffer.byteLength(name) + (variable.kind === 'unset' ? 0 : Buffer.byteLength(variable.value)), 0)

const isDirectory = (text: string): boolean => text.startsWith('/') && Buffer.byteLength(text) <= DIRECTORY_BYTES_MAX && !text.includes('\ufffd')

/** `tooMuch`: its variables are more than can be kept, and are as before. */
export const afterLine = (state: ShellState, status: number, report: Report | undefined): { readonly state: ShellState; readonly tooMuch: boolean } => {
  if (report === undefined) return { state: { ...state, status }, tooMuch: false }
  const variables = new Map(state.variables)
  for (const [name, value] of report.after) if (isKept(name) && report.before.get(name) !== value) variables.set(name, { kind: 'exported', value })
  for (const name of report.before.keys()) if (isKept(name) && !report.after.has(name)) variables.set(name, { kind: 'unset' })
  for (const [name, value] of report.assigned) if (isKept(name) && !report.after.has(name)) variables.set(name, { kind: 'local', value })
  const moved = isDirectory(report.directory) && report.directory !== state.directory
  const there = moved ? { directory: report.directory, previousDirectory: state.directory } : {}
  const tooMuch = variables.size > VARIABLES_MAX || bytesOf(variables) > VARIABLES_BYTES_MAX
  return { state: { ...state, ...there, status, variables: tooMuch ? state.variables : variables }, tooMuch }
}
