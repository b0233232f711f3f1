import type { OptionFault } from '@sallyport/protocol-kit'
import { harmlessProblem } from './recognition/index.js'

/** What a connection's `options` may say. */
export interface SshOptions {
  /** Host keys of the target: `<type> <base64>` as in known_hosts, or `SHA256:<base64>` as `ssh-keygen -l` prints it. */
  readonly hostKeys: readonly string[]
  /** Whether the first host key that the target shows is remembered and trusted when none is given. Default false. */
  readonly trustOnFirstUse: boolean
  /** Interactive shells: refused (the default), passed through and recorded, or line by line by policy. */
  readonly shell: 'forbidden' | 'recorded' | 'governed'
  /** Whether what is typed is kept in recordings, never while the terminal doesn't echo. Default false. */
  readonly keystrokes: boolean
  /** Whether port and socket forwards may be asked for at all (policies still decide). Default false. */
  readonly forwards: boolean
  /** Programs besides the shipped list that only read, each with the first arguments for which that holds (none: whatever its arguments). */
  readonly harmless: Readonly<Record<string, readonly string[]>>
  /** Whether text files are masked on download. Default false: a file arrives as it is or not at all. */
  readonly maskDownloads: boolean
  /** Output that is no text: untouched (the default), or masked like any. */
  readonly binary: 'pass' | 'mask'
}

const HOST_KEY = /^(?:(?:ssh-|ecdsa-)[a-z0-9-]+ [A-Za-z0-9+/]+={0,2}|SHA256:[A-Za-z0-9+/]{43}=?)$/

type Check = { readonly fallback: unknown; readonly problem: (value: unknown) => string | undefined }

const flag: Check = { fallback: false, problem: (value) => (typeof value === 'boolean' ? undefined : 'must be true or false') }
const oneOf = (...values: readonly string[]): Check => ({
  fallback: values[0], problem: (value) => (values.includes(value as string) ? undefined : `must be one of ${values.join(', ')}`),
})
const listOf = (pattern: RegExp, what: string): Check => ({
  fallback: [], problem: (value) => (Array.isArray(value) && value.length <= 1000 && value.every((item) => typeof item === 'string' && pattern.test(item)) ? undefined : `must be a list of ${what}`),
})

const checks: Readonly<Record<keyof SshOptions, Check>> = {
  hostKeys: listOf(HOST_KEY, 'host keys, each "<type> <base64>" as in known_hosts or "SHA256:<fingerprint>"'),
  trustOnFirstUse: flag,
  shell: oneOf('forbidden', 'recorded', 'governed'),
  keystrokes: flag,
  forwards: flag,
  harmless: { fallback: {}, problem: (value) => harmlessProblem(JSON.stringify(value)) },
  maskDownloads: flag,
  binary: oneOf('pass', 'mask'),
}

const isOption = (name: string): name is keyof SshOptions => Object.hasOwn(checks, name)

/** What is wrong with a connection's options; nothing when they can be used. */
export const checkOptions = (options: Readonly<Record<string, unknown>>): readonly OptionFault[] =>
  Object.entries(options).flatMap(([field, value]) => {
    if (!isOption(field)) return [{ field, problem: `is no option of SSH connections; there are ${Object.keys(checks).join(', ')}` }]
    const problem = checks[field].problem(value)
    return problem === undefined ? [] : [{ field, problem }]
  })

/** Options that {@link checkOptions} let pass, with what they leave out. */
export const optionsOf = (options: Readonly<Record<string, unknown>>): SshOptions =>
  Object.fromEntries(Object.entries(checks).map(([name, check]) => [name, options[name] ?? check.fallback])) as unknown as SshOptions
