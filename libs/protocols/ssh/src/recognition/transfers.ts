import { posix } from 'node:path'
import type { Word } from './model.js'
import type { Run } from './run.js'

/** The target's end of a file transfer, as clients start it. */
export interface Transfer {
  readonly tool: 'scp' | 'rsync' | 'git' | 'sftp'
  /** From the target, or to it; undefined where both can follow. */
  readonly direction: 'download' | 'upload' | undefined
  /** Normalised; undefined where it isn't in the text. */
  readonly paths: readonly string[]
}

const pathsOf = (words: readonly Word[]): readonly string[] | undefined =>
  words.some(({ kind }) => kind === 'dynamic') ? undefined : words.map(({ text }) => posix.normalize(text === '' ? '.' : text))

const options = (args: readonly Word[]): readonly [Word[], Word[]] => {
  const end = args.findIndex(({ text }) => text === '--' || !text.startsWith('-'))
  if (end < 0) return [[...args], []]
  return [args.slice(0, end), args.slice(args[end]?.text === '--' ? end + 1 : end)]
}

const known = (words: readonly Word[], pattern: RegExp): boolean => words.every(({ kind, text }) => kind === 'literal' && pattern.test(text))

const scp = (args: readonly Word[]): Transfer | undefined => {
  const [given, operands] = options(args)
  const letters = given.map(({ text }) => text.slice(1)).join('')
  if (!known(given, /^-[rpdvqtf]+$/) || letters.includes('t') === letters.includes('f')) return undefined
  const paths = pathsOf(operands)
  if (paths === undefined || paths.length === 0 || (letters.includes('t') && (paths.length > 1 || operands[0]?.kind !== 'literal'))) return undefined
  return { tool: 'scp', direction: letters.includes('t') ? 'upload' : 'download', paths }
}

const rsyncOptions = new RegExp(`^(?:--(?:sender|delete(?:-before|-during|-delay|-after|-excluded|-missing-args)?|force|numeric-ids|inplace|append(?:-verify)?|partial|ignore-existing|existing|size-only|checksum|stats|safe-links|copy-unsafe-links|munge-links
|no-[a-z-]+|bwlimit=\\d+|timeout=\\d+|compress-level=\\d+|(?:old|new)-compress|max-size=\\w+|min-size=\\w+|modify-window=-?\\d+|block-size=\\d+|list-only|ignore-errors|mkpath|fake-super|fsync|iconv=[\\w,.-]+|compress-choice=\\w+|checksum-choice=[\\w,]+|chmod=[\\w,+=-]+|chown=[\\w:.-]+|usermap=[\\w:,*-]+|groupmap=[\\w:,*-]+|open-noatime|preallocate|sparse|whole-file|omit-dir-times|omit-link-times|prune-empty-dirs|one-file-system|relative|ignore-times|update|out-format=[^ ]*|log-format=[%\\w]*|info=[\\w,]+|debug=[\\w,]+)|-[A-Za-df-zA-Z0-9.]*(?:e[A-Za-z0-9.]*)?)$`.replaceAll('\n', ''))

/** `rsync --server [--sender] options . path…`: what both ends of rsync agree on. What it doesn't know (a log file, a daemon) is no plain transfer. */
const rsync = (args: readonly Word[]): Transfer | undefined => {
  const server = args.findIndex(({ kind, text }) => kind === 'literal' && text === '--server')
  if (server !== 0) return undefined
  const [given, operands] = options(args.slice(1))
  if (!known(given, rsyncOptions) || operands[0]?.text !== '.' || operands.length < 2) return undefined
  const paths = pathsOf(operands.slice(1))
  return paths === undefined ? undefined : { tool: 'rsync', direction: given.some(({ text }) => text === '--sender') ? 'download' : 'upload', paths }
}

const git = (direction: 'download' | 'upload') => (args: readonly Word[]): Transfer | undefined => {
  const [given, operands] = options(args)
  if (!known(given, /^--(?:strict|no-strict|timeout=\d+|stateless-rpc|advertise-refs)$/) || operands.length !== 1 || operands[0]?.kind !== 'literal') return undefined
  return { tool: 'git', direction, paths: pathsOf(operands) ?? [] }
}

const sftp = (args: readonly Word[]): Transfer | undefined =>
  args.every(({ kind, text }, index) => kind === 'literal' && (/^-[eR]+$/.test(text) || /^-[fldu]$/.test(text) || /^-[fldu]$/.test(args[index - 1]?.text ?? ''))) ? { tool: 'sftp', direction: undefined, paths: [] } : undefined

const servers: Readonly<Record<string, (args: readonly Word[]) => Transfer | undefined>> = {
  scp, rsync, 'git-upload-pack': git('download'), 'git-upload-archive': git('download'), 'git-receive-pack': git('upload'), 'sftp-server': sftp, 'internal-sftp': sftp,
  git: ([verb, ...rest]) => {
    if (verb?.kind !== 'literal') return undefined
    if (verb.text === 'upload-pack' || verb.text === 'upload-archive') return git('download')(rest)
    return verb.text === 'receive-pack' ? git('upload')(rest) : undefined
  },
}

const systemPlace = /^(?:\/usr(?:\/local)?)?\/(?:s?bin|lib(?:exec)?(?:\/(?:openssh|ssh|git-core))?)\/[^/]+$/

/** The transfer that a program is the target's end of. */
export const transferOf = ({ program, programPath, args, opaque, appended, assignments }: Run): Transfer | undefined => {
  if (program === undefined || opaque || appended || assignments.length > 0 || !Object.hasOwn(servers, program)) return undefined
  if (programPath !== undefined && !systemPlace.test(programPath)) return undefined
  return servers[program]?.(args)
}
