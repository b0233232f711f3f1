import type { Report, ShellState } from './shell-state.js'

/** A text as one word of a POSIX shell: nothing in it means anything to that shell. */
export const quoted = (text: string): string => `'${text.replaceAll('\'', '\'\\\'\'')}'`

const settings = ({ directory, previousDirectory, variables }: ShellState): readonly string[] => [
  ...(directory === undefined ? [] : [`cd -- ${quoted(directory)} || exit 1`]),
  ...(previousDirectory === undefined ? [] : [`OLDPWD=${quoted(previousDirectory)}`]),
  ...[...variables].map(([name, variable]) => {
    if (variable.kind === 'unset') return `unset ${name}`
    return `${variable.kind === 'exported' ? 'export ' : ''}${name}=${quoted(variable.value)}`
  }),
]

/** Runs a line where the line before it has left the shell. What it runs is the line itself: that is in one quoted word, which `eval` reads as it stands. */
export const wrapped = (state: ShellState, line: string): string => [...settings(state), `(exit ${state.status})`, `eval ${quoted(` ${line}`)}`].join('\n')

/** What a reported text stands between. `nonce` is fresh for each line, and made of letters and digits. */
export const reportMarks = (nonce: string): { readonly begin: string; readonly end: string } => ({ begin: `\x1b_${nonce}:`, end: `:${nonce}\x1b\\` })

const between = (nonce: string, commands: readonly string[]): string => [`printf '\\033_%s:' ${nonce}`, ...commands, `printf ':%s\\033\\\\' ${nonce}`].join('; ')
const environment = 'command -p env -0'

/** The same for a line that may change the shell: it reports, before and after, within its own output, what the next lines must know. `names` are what it assigns to. */
export const wrappedWithReport = (state: ShellState, line: string, nonce: string, names: readonly string[]): string => {
  const values = names.filter((name) => NAME.test(name)).map((name) => `printf '%s\\000' "${name}=\${${name}-}"`)
  const after = between(nonce, ['pwd -P', 'printf \'\\000\'', ...values, 'printf \'\\000\'', environment])
  return [...settings(state), between(nonce, [environment]), `trap ${quoted(after)} EXIT`, `(exit ${state.status})`, `eval ${quoted(` ${line}`)}`].join('\n')
}

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

const named = (fields: readonly string[]): ReadonlyMap<string, string> => new Map(fields.flatMap((field) => {
  const at = field.indexOf('=')
  // What isn't UTF-8 can't be given back as it was.
  return at <= 0 || field.includes('\ufffd') ? [] : [[field.slice(0, at), field.slice(at + 1)] as const]
}))

/** What the two reported texts say; undefined when they are not what was asked for. Terminals have made CR LF of LF. */
export const readReport = (texts: readonly string[]): Report | undefined => {
  if (texts.length !== 2) return undefined
  const [before = '', after = ''] = texts.map((text) => text.replaceAll('\r\n', '\n'))
  const [directory = '', ...fields] = after.split('\0')
  const assigned = fields.indexOf('')
  if (assigned === -1) return undefined
  return { directory: directory.replace(/\n$/, ''), before: named(before.split('\0')), after: named(fields.slice(assigned + 1)), assigned: named(fields.slice(0, assigned)) }
}
