import { isUtf8 } from 'node:buffer'
import { Refusal } from '@sallyport/protocol-kit'

/** One line of scp's control stream (the protocol before SFTP, as OpenSSH's `scp -O` speaks it). */
export type ScpMessage =
  | { readonly kind: 'file'; readonly mode: number; readonly size: number; readonly name: string }
  | { readonly kind: 'directory'; readonly mode: number; readonly name: string }
  | { readonly kind: 'up' }
  | { readonly kind: 'times'; readonly modified: number; readonly accessed: number }
  | { readonly kind: 'problem'; readonly fatal: boolean; readonly text: string }

const NAME_BYTES_MAX = 255
const malformed = (): Refusal => new Refusal('malformed', 'a message that is not scp\'s')

/** A name in a directory, and nothing that leads elsewhere. */
export const isScpName = (name: string): boolean =>
  // eslint-disable-next-line no-control-regex
  name !== '' && name !== '.' && name !== '..' && !/[/\u0000\n]/.test(name) && Buffer.byteLength(name) <= NAME_BYTES_MAX

const numberOf = (text: string): number => {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw malformed()
  return value
}

/** A line without its end. Throws a Refusal (`malformed`). */
export const scpMessage = (line: Buffer): ScpMessage => {
  if (!isUtf8(line)) throw malformed()
  const text = line.toString()
  if (text === 'E') return { kind: 'up' }
  if (text[0] === '\u0001' || text[0] === '\u0002') return { kind: 'problem', fatal: text[0] === '\u0002', text: text.slice(1) }
  const times = /^T(\d{1,12}) \d{1,6} (\d{1,12}) \d{1,6}$/.exec(text)
  if (times !== null) return { kind: 'times', modified: numberOf(times[1]!), accessed: numberOf(times[2]!) }
  const entry = /^([CD])([0-7]{4}) (\d{1,16}) (.+)$/s.exec(text)
  if (entry === null || !isScpName(entry[4]!)) throw malformed()
  const mode = Number.parseInt(entry[2]!, 8)
  return entry[1] === 'C' ? { kind: 'file', mode, size: numberOf(entry[3]!), name: entry[4]! } : { kind: 'directory', mode, name: entry[4]! }
}

/** What a command asks of scp's other end. */
export interface ScpCommand {
  readonly direction: 'upload' | 'download'
  readonly recursive: boolean
  readonly preserve: boolean
  /** What is uploaded goes into a directory, which must be there. */
  readonly intoDirectory: boolean
  readonly paths: readonly string[]
}

const WORD = /\s*((?:[\w@%+=:,./~-]|\\.|'[^']*')+)(?=\s|$)/gy
const plain = (word: string): string => word.replaceAll(/'([^']*)'|\\(.)/gs, (_all, quoted?: string, escaped?: string) => quoted ?? escaped ?? '')

/** `scp -t` or `scp -f` with literal paths; undefined for anything that only a shell could read. */
export const scpCommand = (text: string): ScpCommand | undefined => {
  const words = [...text.trimEnd().matchAll(WORD)]
  if (words.reduce((sum, [all]) => sum + all.length, 0) !== text.trimEnd().length) return undefined
  const [program, ...rest] = words.map(([, word]) => plain(word!))
  if (program !== 'scp' && program !== '/usr/bin/scp') return undefined
  const end = rest.findIndex((word) => word === '--' || !word.startsWith('-'))
  const given = end < 0 ? rest : rest.slice(0, end)
  const paths = end < 0 ? [] : rest.slice(rest[end] === '--' ? end + 1 : end)
  const letters = given.map((word) => word.slice(1)).join('')
  if (!given.every((word) => /^-[rpdvqtf]+$/.test(word)) || letters.includes('t') === letters.includes('f') || paths.length === 0) return undefined
  if (letters.includes('t') && paths.length > 1) return undefined
  if (paths.some((path) => path.startsWith('~') && !/^~(\/|$)/.test(path))) return undefined
  return {
    direction: letters.includes('t') ? 'upload' : 'download', recursive: letters.includes('r'), preserve: letters.includes('p'), intoDirectory: letters.includes('d'),
    paths: paths.map((path) => path.replace(/^~\/?/, '') || '.'),
  }
}
