import { type Effect, type Fact, type Facts, strictness } from '@sallyport/protocol-kit'
import { type Action, type FactName, actions } from './actions.js'
import { connects, harmlessAssignment, harmlessCommand, harmlessRun } from './harmless.js'
import { harmlessVariable } from './harmless-programs.js'
import { secretArguments } from './literals.js'
import type { SimpleCommand } from './model.js'
import { argumentPaths, normalised } from './paths.js'
import { escapes, interpreters, network, shells } from './programs.js'
import { type Run, nameOf } from './run.js'
import type { ShellSettings } from './settings.js'
import { type Transfer, transferOf } from './transfers.js'
import type { Group } from './unfold.js'

/** Largest number of effects that one decision judges (the policy contract's limit). More is unrecognised. */
export const effectsMax = 64
/** Largest number of names in one fact. More is unrecognised. */
export const namesMax = 1000

type FactValues = { readonly [Name in FactName]?: Fact | undefined }

const sorted = (names: Iterable<string>): readonly string[] => [...new Set(names)].sort()

const effect = (action: Action, values: FactValues): Effect => {
  const kept: Record<string, Fact> = {}
  for (const [name, value] of Object.entries(values)) if (value !== undefined) kept[name] = typeof value === 'object' ? sorted(value) : value
  return { action, class: actions[action], facts: kept satisfies Facts }
}

/** What is known of the text as a whole. */
interface Whole {
  readonly programs: readonly string[]
  readonly commandCount: number
  readonly settings: ShellSettings
  /** The directory in which its commands run, where that is known for all of them. */
  readonly directory: string | undefined
}

const ofRedirections = ({ redirections }: SimpleCommand, kinds: readonly string[]): readonly string[] =>
  redirections.flatMap(({ kind, target }) => kinds.includes(kind) && target !== undefined && target.kind !== 'dynamic' ? [target.text] : [])

const absolute = (paths: readonly string[], { directory }: Whole): readonly string[] => paths.flatMap((path) => normalised(path, directory))

const environmentOf = (run: Run): readonly string[] => {
  const exported = run.program !== undefined && /^(?:export|declare|typeset|local|readonly)$/.test(run.program) ? run.args.flatMap(({ text }) => /^([A-Za-z_][A-Za-z0-9_]*)=/.exec(text)?.[1] ?? []) : []
  return [...run.assignments.map(({ name }) => name), ...exported]
}

const risky = (run: Run): boolean => run.assignments.some((assignment) => !harmlessAssignment(assignment, run.program)) || environmentOf(run).some((name) => !harmlessVariable(name, '') && name !== 'IFS')

const surroundings = (command: SimpleCommand, outermost: boolean): Pick<FactValues, 'background' | 'redirects'> & { readonly network: boolean; readonly dynamic: boolean } => ({
  background: command.background,
  redirects: outermost && command.redirections.some(({ kind, target }) => (kind === 'write' || kind === 'both') && target?.text !== '/dev/null'),
  network: outermost && command.redirections.some(connects),
  dynamic: outermost && command.redirections.some(({ target }) => target !== undefined && target.kind === 'dynamic'),
})

const runEffect = (run: Run, group: Group, whole: Whole): Effect => {
  const { command } = group
  const outermost = run.via.length === (group.runs[0]?.via.length ?? 0)
  const around = surroundings(command, outermost)
  const { read, written } = argumentPaths(run)
  const { program } = run
  const secrets = new Set(secretArguments(program, run.args))
  const harmless = group.plain && (!outermost || harmlessCommand(command)) && harmlessRun(run, whole.settings)
  return effect(harmless ? 'ssh.inspect' : 'ssh.exec', {
    program, programPath: run.programPath, programs: whole.programs, commandCount: whole.commandCount, via: run.via,
    arguments: run.args.filter(({ kind }) => kind !== 'dynamic').map((word) => secrets.has(word) ? '***' : word.text),
    pathsRead: absolute([...read, ...(outermost ? ofRedirections(command, ['read', 'both']) : [])], whole),
    pathsWritten: absolute([...written, ...(outermost ? ofRedirections(command, ['write', 'both']) : [])], whole),
    privileged: run.privileged, elsewhere: run.remote, opaque: run.opaque, background: around.background, redirects: around.redirects,
    network: around.network || (program !== undefined && network.has(program)),
    interpreter: program !== undefined && (shells.has(program) || Object.hasOwn(interpreters, program)),
    escapes: program !== undefined && escapes.has(program),
    dynamic: around.dynamic || program === undefined || run.appended || run.args.some(({ kind }) => kind === 'dynamic'),
    environment: environmentOf(run), riskyEnvironment: risky(run),
  })
}

/** Assignments or redirections without a program. */
const bareEffect = ({ command, plain }: Group, whole: Whole): Effect => {
  const { background, redirects, network: connected, dynamic } = surroundings(command, true)
  return effect(plain && harmlessCommand(command) ? 'ssh.inspect' : 'ssh.exec', {
    programs: whole.programs, commandCount: whole.commandCount, via: [], arguments: [],
    pathsRead: absolute(ofRedirections(command, ['read', 'both']), whole), pathsWritten: absolute(ofRedirections(command, ['write', 'both']), whole),
    privileged: false, elsewhere: false, opaque: false, interpreter: false, escapes: false, background, redirects, network: connected,
    dynamic: dynamic || command.assignments.some(({ value }) => value === undefined || value.kind === 'dynamic'),
    environment: command.assignments.map(({ name }) => name), riskyEnvironment: !command.assignments.every((assignment) => harmlessAssignment(assignment, undefined)),
  })
}

/** A text of blanks and comments. */
const nothing: Group = {
  command: { words: [], assignments: [], redirections: [], background: false, piped: false, inShell: true, construct: false, at: 0 }, runs: [], plain: false, outermost: true,
}

/** The text's only program, if it is the target's end of a file transfer. */
export const wholeTransfer = (groups: readonly Group[]): Transfer | undefined => {
  const [group] = groups
  const [run] = group?.runs ?? []
  if (group === undefined || run === undefined || groups.length > 1 || group.runs.length > 1 || !group.plain) return undefined
  return harmlessCommand(group.command) ? transferOf(run) : undefined
}

const transferEffects = ({ tool, direction, paths }: Transfer, whole: Whole): readonly Effect[] => {
  const base: FactValues = { transferTool: tool, direction, programs: whole.programs, program: whole.programs[0], commandCount: 1 }
  const resolved = absolute(paths, whole)
  if (resolved.length === 0) return [effect('ssh.transfer', base)]
  return [...new Set(resolved)].map((path) => effect('ssh.transfer', { ...base, path, [direction === 'download' ? 'pathsRead' : 'pathsWritten']: [path] }))
}

/** Where the text's commands run: known if it is given, and the text doesn't leave it but by one `cd` at its beginning. */
const directoryOf = (groups: readonly Group[], given: string | undefined): string | undefined => {
  const moves = groups.flatMap(({ runs, command }, index) => runs.filter(({ program }) => program !== undefined && /^(?:cd|pushd|popd|chroot|env|sudo|git|tar|make|su|runuser|ssh)$/.test(program)).map((run) => ({ run, command, index })))
  const [move] = moves
  if (move === undefined) return given
  const [to] = move.run.args
  if (moves.length > 1 || move.index > 0 || move.run.program !== 'cd' || !move.command.inShell || move.run.args.length !== 1 || to?.kind !== 'literal') return undefined
  const path = normalised(to.text, given).at(-1)
  return path?.startsWith('/') === true ? path : undefined
}

/** Equal effects count once. */
const distinct = (effects: readonly Effect[]): readonly Effect[] => [...new Map(effects.map((item) => [JSON.stringify([item.action, Object.entries(item.facts).sort(([one], [other]) => one < other ? -1 : 1)]), item])).values()]

/** One effect for each program, bare assignment and bare redirection; undefined when they are too many to be judged. */
export const effectsOf = (groups: readonly Group[], plain: boolean, settings: ShellSettings): readonly Effect[] | undefined => {
  const programs = sorted(groups.flatMap(({ runs }) => runs.flatMap(({ program }) => program ?? [])).map(nameOf))
  const whole: Whole = { programs, commandCount: groups.length, settings, directory: directoryOf(groups, settings.directory) }
  const transfer = wholeTransfer(groups)
  if (groups.length === 0) return [bareEffect({ ...nothing, plain }, whole)]
  const all = transfer !== undefined ? transferEffects(transfer, whole) : groups.flatMap((group) => group.runs.length === 0 ? [bareEffect(group, whole)] : group.runs.map((run) => runEffect(run, group, whole)))
  const effects = distinct(all)
  return effects.length > effectsMax || effects.some(({ facts }) => Object.values(facts).some((value) => typeof value === 'object' && value.length > namesMax)) ? undefined : effects
}

/** The effect that names the operation; of equals, the first. */
export const strictest = (effects: readonly Effect[]): Effect | undefined => effects.reduce<Effect | undefined>(
  (worst, item) => worst === undefined || strictness[item.class] > strictness[worst.class] ? item : worst, undefined)
