import type { Recognition } from '@sallyport/protocol-kit'
import type { ShellDetail } from './detail.js'
import { effectsOf, strictest, wholeTransfer } from './effects.js'
import { fingerprintOf } from './fingerprint.js'
import { literalsOf } from './literals.js'
import type { SimpleCommand } from './model.js'
import { parse } from './parse.js'
import { readsAlike } from './plain.js'
import { definers } from './programs.js'
import { shellSettings } from './settings.js'
import { type Group, TooDeepError, unfold } from './unfold.js'
import { unrecognised } from './unrecognised.js'

/** Largest text that is read, in UTF-8 bytes: Linux takes no longer argument (MAX_ARG_STRLEN), so no sshd could hand a longer one to its shell. */
export const textBytesMax = 128 * 1024

/** Why a text can't be read as it stands: the target would see another one. */
const obstacle = (text: string): string | undefined => {
  if (Buffer.byteLength(text) > textBytesMax) return `the text is longer than ${textBytesMax} bytes`
  if (text.includes('\0')) return 'the text contains a NUL byte'
  if (!text.isWellFormed() || text.includes('\ufffd')) return 'the text is not UTF-8'
  if (/(?:^|[^\\])(?:\\\\)*\\$/.test(text)) return 'the text ends in a backslash'
  return undefined
}

const shellChanges = new Set(['cd', 'pushd', 'popd', 'export', 'unset', 'exec', 'exit', 'logout', 'umask', 'ulimit', 'shift', 'read', 'dirs', 'history', ...definers])

/** Whether the shell that runs the command may be another one after it. */
export const changesShell = ({ inShell, words, assignments, redirections }: SimpleCommand): boolean => {
  if (!inShell) return false
  const [head] = words
  if (head === undefined) return assignments.length > 0 || redirections.length === 0
  return head.kind !== 'literal' || shellChanges.has(head.text) || head.text === 'command' || head.text === 'builtin'
}

const detailOf = (groups: readonly Group[], functions: readonly string[]): ShellDetail => {
  const transfer = wholeTransfer(groups)
  const found = transfer === undefined ? {} : { transfer: { tool: transfer.tool, paths: transfer.paths, ...(transfer.direction === undefined ? {} : { direction: transfer.direction }) } }
  return { kind: 'shell', commandCount: groups.length, changesShell: functions.length > 0 || groups.some(({ command }) => changesShell(command)), ...found }
}

/** What a shell text means: the command of an exec request. For the settings see {@link shellSettings}; others are ignored. */
export const recognise = (text: string, settings: Readonly<Record<string, string>>): Recognition => {
  const problem = obstacle(text)
  if (problem !== undefined) return unrecognised(text, problem)
  const parsed = parse(text)
  if (parsed.kind === 'problem') return unrecognised(text, parsed.problem)
  const { commands, functions, openHereDocument } = parsed.shell
  if (openHereDocument) return unrecognised(text, 'a here-document without its end')
  try {
    const plain = functions.length === 0 && readsAlike(text, commands)
    const groups = unfold(commands, plain)
    const effects = effectsOf(groups, plain, shellSettings(settings))
    const worst = effects === undefined ? undefined : strictest(effects)
    if (effects === undefined || worst === undefined) return unrecognised(text, 'the text has more commands, arguments or paths than can be judged at once')
    const { literals, secrets } = literalsOf(text, groups)
    return {
      effects, action: worst.action, class: worst.class, fingerprint: fingerprintOf(groups), provenRead: effects.every((effect) => effect.class === 'read'), alwaysAllowed: false,
      touches: { relations: [], columns: [], everything: false, opaque: true }, literals, secrets, detail: detailOf(groups, functions),
    }
  } catch (error) {
    if (error instanceof TooDeepError) return unrecognised(text, error.message)
    throw error
  }
}

/** Nothing has to be loaded but the first text shall not wait for the compiler. */
export const loadRecogniser = async (): Promise<void> => {
  recognise('ls -l "$HOME" | grep -v x > /dev/null && sh -c "echo $(id)"', {})
  await Promise.resolve()
}
