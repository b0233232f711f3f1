import { type Rule, always } from './harmless-rules.js'

/**
 * Settings of the recognition, all optional:
 * `harmless`: JSON, programs that the operator vouches for, each with the first arguments for which that holds (none: whatever its arguments),
 * e.g. `{"git": ["status", "log", "diff"], "inventory": []}`.
 * `directory`: the absolute path in which the text runs, if it is known.
 * `terminal`: `no` if the command's output doesn't go to a terminal. Anything else: programs that page are not proven reads.
 */
export interface ShellSettings {
  readonly harmless: ReadonlyMap<string, Rule>
  readonly directory: string | undefined
  readonly terminal: boolean
}

const harmlessBytesMax = 64 * 1024

type Configured = { readonly kind: 'rules'; readonly rules: ReadonlyMap<string, Rule> } | { readonly kind: 'problem'; readonly problem: string }

const firstOf = (words: readonly string[]): Rule => words.length === 0 ? always : (args) => args[0]?.kind === 'literal' && words.includes(args[0].text)

const read = (text: string): Configured => {
  if (text.length > harmlessBytesMax) return { kind: 'problem', problem: `longer than ${harmlessBytesMax} characters` }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { kind: 'problem', problem: 'not JSON' }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { kind: 'problem', problem: 'not an object of programs' }
  const rules = new Map<string, Rule>()
  for (const [program, words] of Object.entries(value)) {
    if (!/^[A-Za-z0-9_.+-]+$/.test(program)) return { kind: 'problem', problem: `"${program.slice(0, 50)}" is no name of a program` }
    if (!Array.isArray(words) || !words.every((word) => typeof word === 'string')) return { kind: 'problem', problem: `"${program}" must be a list of first arguments` }
    rules.set(program, firstOf(words as readonly string[]))
  }
  return { kind: 'rules', rules }
}

/** Why the setting `harmless` can't be used, for whoever checks a configuration; undefined when it can. */
export const harmlessProblem = (text: string): string | undefined => {
  const configured = read(text)
  return configured.kind === 'problem' ? configured.problem : undefined
}

let last: { readonly text: string; readonly rules: ReadonlyMap<string, Rule> } = { text: '', rules: new Map() }

const rulesIn = (text: string): ReadonlyMap<string, Rule> => {
  if (text === last.text) return last.rules
  const configured = text === '' ? undefined : read(text)
  // A setting that can't be read adds nothing: the result is only ever stricter.
  last = { text, rules: configured?.kind === 'rules' ? configured.rules : new Map() }
  return last.rules
}

export const shellSettings = (settings: Readonly<Record<string, string>>): ShellSettings => {
  const directory = settings['directory']
  return { harmless: rulesIn(settings['harmless'] ?? ''), directory: directory?.startsWith('/') === true ? directory : undefined, terminal: settings['terminal'] !== 'no' }
}
