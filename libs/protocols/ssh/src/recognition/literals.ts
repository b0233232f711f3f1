import type { Assignment, Span, Word } from './model.js'
import type { Group } from './unfold.js'

/** Names whose values are secrets. */
const secretName = /pass(?:w(?:or)?d|phrase)?|secret|token|api_?-?key|access_?-?key|private_?-?key|credential|auth|bearer|session|cookie|_pw$|^pw$|^pat$/i

/** Options whose value is a secret, by program; `*`: in any. */
const secretOptions: Readonly<Record<string, RegExp>> = {
  '*': /^--?(?:password|passwd|passphrase|pass|token|secret|api-?key|auth|auth-token|access-token|client-secret|bearer|credentials?|private-key|header|user|proxy-user|data|data-raw|data-binary|data-urlencode|json|form|cookie|post-data|http-password|ftp-password)$/i,
  curl: /^-[uHbdFUE]$/, mysql: /^-p$/, mariadb: /^-p$/, mysqldump: /^-p$/, sshpass: /^-p$/, 'redis-cli': /^-a$/, mongosh: /^-p$/, mongo: /^-p$/, openssl: /^-pass(?:in|out)?$|^-k$/, zip: /^-P$/, unzip: /^-P$/,
  docker: /^-[pe]$/, podman: /^-[pe]$/, ldapsearch: /^-w$/, ldapmodify: /^-w$/, smbclient: /^-U$/, http: /^-a$/, https: /^-a$/, nxc: /^-p$/,
}

const joinedShort: Readonly<Record<string, RegExp>> = { mysql: /^-p./, mariadb: /^-p./, mysqldump: /^-p./, sshpass: /^-p./, '7z': /^-p./, curl: /^-[uHbdFU]./, zip: /^-P./, unzip: /^-P./ }

const userinfo = /^[a-z][a-z0-9+.-]*:\/\/[^/\s@]*@/i

const secretWord = ({ text, source }: Word): boolean => {
  if (userinfo.test(text) || userinfo.test(source.replace(/^["']/, ''))) return true
  const assigned = /^-{0,2}([A-Za-z0-9_.-]+)=(?=.)/.exec(source)
  if (assigned !== null && secretName.test(assigned[1] ?? '')) return true
  return /(?:authorization|bearer|x-[a-z-]{0,40}(?:token|key))\s{0,8}[:=]/i.test(text) || /^(?:gh[pousr]_|github_pat_|glpat-|xox[abps]-|AKIA|sk-|spc_|eyJ[A-Za-z0-9_-]{10,}\.)/.test(text)
}

/** Arguments of a program that look like secrets. */
export const secretArguments = (program: string | undefined, args: readonly Word[]): readonly Word[] => args.filter((word, index) => {
  if (secretWord(word)) return true
  if (program !== undefined && Object.hasOwn(joinedShort, program) && joinedShort[program]?.test(word.text) === true) return true
  const option = args[index - 1]?.text ?? ''
  return secretOptions['*']?.test(option) === true || (program !== undefined && Object.hasOwn(secretOptions, program) && secretOptions[program]?.test(option) === true)
})

const quoted = ({ source, kind }: Word): boolean => kind === 'literal' && /["'\\]/.test(source)

/** Merged, ascending, as UTF-8 byte offsets. */
const inBytes = (text: string, spans: readonly Span[]): readonly Span[] => {
  const ordered = spans.filter(([from, to]) => to > from).sort(([one], [other]) => one - other)
  const merged: [number, number][] = []
  for (const [from, to] of ordered) {
    const last = merged.at(-1)
    if (last !== undefined && from <= last[1]) last[1] = Math.max(last[1], to)
    else merged.push([from, to])
  }
  let units = 0
  let bytes = 0
  const byteAt = (unit: number): number => {
    bytes += Buffer.byteLength(text.slice(units, unit))
    units = unit
    return bytes
  }
  return merged.map(([from, to]) => [byteAt(from), byteAt(to)])
}

export interface Hidden {
  /** Everything that is or may be a value. */
  readonly literals: readonly Span[]
  /** Those among them that look like secrets: never to be stored as they are. */
  readonly secrets: readonly Span[]
}

const valueSpan = ({ name, span, value }: Assignment): Span => value === undefined ? span : [Math.min(span[0] + name.length + 1, span[1]), span[1]]

/** Ranges of UTF-8 bytes that hold values: quoted words, values of variables, here-documents, and what looks like a secret. */
export const literalsOf = (text: string, groups: readonly Group[]): Hidden => {
  const secrets = groups.flatMap(({ command, runs }) => [
    ...command.words.filter(secretWord).map(({ span }) => span),
    ...command.assignments.filter(({ name, value }) => secretName.test(name) || (value !== undefined && secretWord(value))).map(valueSpan),
    ...runs.flatMap(({ program, args }) => secretArguments(program, args).map(({ span }) => span)),
  ])
  const values = groups.flatMap(({ command }) => [
    ...command.words.slice(1).filter(quoted).map(({ span }) => span),
    ...command.assignments.map(valueSpan),
    ...command.redirections.flatMap(({ kind, target, bodySpan }) => kind === 'text' ? [bodySpan ?? target?.span ?? [0, 0] as Span] : []),
  ])
  return { literals: inBytes(text, [...secrets, ...values]), secrets: inBytes(text, secrets) }
}
