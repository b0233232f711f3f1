import { posix } from 'node:path'
import type { Word } from './model.js'
import type { Run } from './run.js'

/** Which operands of a program are paths. */
interface Operands {
  /** What it does with them. `last`: writes the last, reads the others. `move`: writes all. */
  readonly role: 'read' | 'write' | 'last' | 'move'
  /** First operands that are none (grep's pattern, chmod's mode). */
  readonly skip?: number
  /** Short options that take a value. */
  readonly valued?: string
  /** Options whose value is a path that is written. */
  readonly writes?: readonly string[]
  /** Options whose value is a path that is read. */
  readonly reads?: readonly string[]
  /** An option that makes the skipped operands unnecessary. */
  readonly unless?: readonly string[]
}

const many = (names: string, operands: Operands): Record<string, Operands> => Object.fromEntries(names.split(' ').map((name) => [name, operands]))

const table: Readonly<Record<string, Operands>> = {
  ...many('cat tac nl wc ls dir vdir stat file du df readlink realpath cksum md5sum sha1sum sha224sum sha256sum sha384sum sha512sum b2sum od hexdump strings less more view cmp diff comm join paste rev zcat zless bzcat xzcat source . cd pushd base64 column', { role: 'read' }),
  ...many('head tail', { role: 'read', valued: 'nc' }),
  ...many('grep egrep fgrep rg zgrep', { role: 'read', skip: 1, valued: 'eABCmdDf', unless: ['-e', '-f', '--regexp', '--file'], reads: ['-f', '--file'] }),
  ...many('cut fold expand unexpand', { role: 'read', valued: 'dfbcwt' }),
  sort: { role: 'read', valued: 'ktSTo', writes: ['-o', '--output'] },
  uniq: { role: 'last', valued: 'fsw' },
  ...many('awk gawk mawk nawk', { role: 'read', skip: 1, valued: 'Fvf', unless: ['-f'], reads: ['-f', '--file'] }),
  jq: { role: 'read', skip: 1 },
  ...many('rm rmdir unlink shred mkdir touch tee truncate mkfifo mknod vi vim nvim nano ed ex emacs', { role: 'write', valued: 'dmrtsS' }),
  ...many('chmod chown chgrp chattr setfattr', { role: 'write', skip: 1 }),
  ...many('cp ln install', { role: 'last', valued: 'tSmog', writes: ['-t', '--target-directory'] }),
  mv: { role: 'move', valued: 'tS', writes: ['-t', '--target-directory'] },
  ...many('scp rsync', { role: 'last', valued: 'cFiloPSXeBfTM' }),
  curl: { role: 'read', skip: 99, valued: 'oTKbcDdFeEHmuUxXArwyYzC', writes: ['-o', '--output', '-D', '--dump-header', '-c', '--cookie-jar', '--trace', '--trace-ascii', '--output-dir'], reads: ['-T', '--upload-file', '-K', '--config'] },
  wget: { role: 'read', skip: 99, valued: 'OPoaiU', writes: ['-O', '--output-document', '-P', '--directory-prefix', '-o', '--output-file', '-a'], reads: ['-i', '--input-file', '--post-file', '--body-file'] },
  tar: { role: 'read', skip: 99, valued: 'fC', writes: ['-C', '--directory'], reads: [] },
  unzip: { role: 'read', valued: 'd', writes: ['-d'] },
  git: { role: 'read', skip: 99, valued: 'C', reads: ['-C', '--git-dir', '--work-tree'] },
  sh: { role: 'read', valued: 'co', skip: 0 }, bash: { role: 'read', valued: 'coO', skip: 0 }, dash: { role: 'read', valued: 'co' },
}

export interface Paths {
  readonly read: readonly string[]
  readonly written: readonly string[]
}

const shown = (word: Word | undefined): string | undefined => word === undefined || word.kind === 'dynamic' || word.text === '' || word.text === '-' ? undefined : word.text

interface Split {
  readonly operands: readonly Word[]
  readonly values: readonly (readonly [option: string, value: string])[]
}

const split = (args: readonly Word[], valued: string, longs: ReadonlySet<string>): Split => {
  const operands: Word[] = []
  const values: (readonly [string, string])[] = []
  const take = (option: string, word: Word | undefined): void => {
    const value = shown(word)
    if (value !== undefined) values.push([option, value])
  }
  for (let index = 0; index < args.length; index += 1) {
    const word = args[index]
    if (word === undefined) break
    const text = word.text
    if (word.kind === 'dynamic' && !text.startsWith('-')) {
      operands.push(word)
    } else if (text === '--') {
      operands.push(...args.slice(index + 1))
      break
    } else if (text.startsWith('--')) {
      const [name = '', value] = text.split(/=(.*)/s)
      if (value !== undefined && word.kind !== 'dynamic') values.push([name, value])
      else if (value === undefined && longs.has(name)) {
        index += 1
        take(name, args[index])
      }
    } else if (text.startsWith('-') && text.length > 1) {
      const at = [...text.slice(1)].findIndex((letter) => valued.includes(letter))
      if (at < 0) continue
      const option = `-${text.charAt(at + 1)}`
      const rest = text.slice(at + 2)
      if (rest !== '' && word.kind !== 'dynamic') values.push([option, rest])
      else if (rest === '') {
        index += 1
        take(option, args[index])
      }
    } else {
      operands.push(word)
    }
  }
  return { operands, values }
}

const findPaths = (args: readonly Word[]): Paths => {
  const end = args.findIndex(({ text }) => /^[-(!]/.test(text) && !/^-[HLPDO]/.test(text))
  const starts = (end < 0 ? args : args.slice(0, end)).filter(({ text }) => !text.startsWith('-')).map(shown).filter((path) => path !== undefined)
  const deletes = args.some(({ text }) => text === '-delete')
  const files = args.flatMap(({ text }, index) => /^-(?:fprint0?|fprintf|fls)$/.test(text) ? [shown(args[index + 1])] : []).filter((path) => path !== undefined)
  return { read: deletes ? [] : starts, written: [...(deletes ? starts : []), ...files] }
}

const ddPaths = (args: readonly Word[]): Paths => {
  const of = (key: string): string[] => args.filter(({ kind, text }) => kind === 'literal' && text.startsWith(key)).map(({ text }) => text.slice(key.length))
  return { read: of('if='), written: of('of=') }
}

const sedPaths = (args: readonly Word[]): Paths => {
  const { operands, values } = split(args, 'efl', new Set(['--expression', '--file']))
  const inPlace = args.some(({ text }) => /^-[nErsuz]*i|^--in-place/.test(text))
  const files = operands.slice(values.some(([option]) => /^-e$|^-f$|^--expression$|^--file$/.test(option)) ? 0 : 1).map(shown).filter((path) => path !== undefined)
  return { read: files, written: inPlace ? files : [] }
}

const tarPaths = (args: readonly Word[]): Paths => {
  const first = args[0]?.text ?? ''
  const dashed = first !== '' && !first.startsWith('-') ? [{ ...(args[0] as Word), text: `-${first}` }, ...args.slice(1)] : args
  const { values } = split(dashed, 'fC', new Set(['--file', '--directory']))
  const archives = values.filter(([option]) => option === '-f' || option === '--file').map(([, value]) => value)
  const directories = values.filter(([option]) => option === '-C' || option === '--directory').map(([, value]) => value)
  const makes = dashed.some(({ text }) => /^-[^-]*[cruA]|^--(?:create|append|update|delete|concatenate)/.test(text))
  return makes ? { read: directories, written: archives } : { read: archives, written: directories }
}

const special: Readonly<Record<string, (args: readonly Word[]) => Paths>> = { find: findPaths, dd: ddPaths, sed: sedPaths, tar: tarPaths, bsdtar: tarPaths }

/** Paths that the arguments of a known program name. */
export const argumentPaths = ({ program, args }: Run): Paths => {
  if (program === undefined) return { read: [], written: [] }
  if (Object.hasOwn(special, program)) return special[program]?.(args) ?? { read: [], written: [] }
  const known = Object.hasOwn(table, program) ? table[program] : undefined
  if (known === undefined) return { read: [], written: [] }
  const { operands, values } = split(args, known.valued ?? '', new Set([...(known.writes ?? []), ...(known.reads ?? [])]))
  const skip = known.unless?.some((option) => values.some(([name]) => name === option)) === true ? 0 : known.skip ?? 0
  const named = operands.slice(skip).map(shown).filter((path) => path !== undefined)
  const written = values.filter(([option]) => known.writes?.includes(option)).map(([, value]) => value)
  const read = values.filter(([option]) => known.reads?.includes(option)).map(([, value]) => value)
  switch (known.role) {
    case 'read': return { read: [...read, ...named], written }
    case 'write': return { read, written: [...written, ...named] }
    case 'move': return { read: named, written: [...written, ...named] }
    case 'last': return written.length > 0 || named.length < 2 ? { read: named, written } : { read: named.slice(0, -1), written: named.slice(-1) }
  }
}

/** Without `.`, `..` and doubled slashes, as far as that can be told without the file system; relative ones also below `directory`. */
export const normalised = (path: string, directory: string | undefined): readonly string[] => {
  const plain = posix.normalize(path).replace(/(?<=.)\/$/, '')
  if (plain.startsWith('/') || plain.startsWith('~') || directory === undefined) return [plain]
  return [plain, posix.normalize(`${directory}/${plain}`)]
}
