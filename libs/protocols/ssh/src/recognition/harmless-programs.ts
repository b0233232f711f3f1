import { type Rule, always, either, first, options, versionOnly, words } from './harmless-rules.js'
import { awkOnlyPrints, sedOnlyPrints } from './inline-code.js'
import type { Word } from './model.js'

const every = (names: string, rule: Rule): Record<string, Rule> => Object.fromEntries(names.split(/\s+/).filter((name) => name !== '').map((name) => [name, rule]))

/** Names that a shell assigns to without a meaning of its own, in bash, dash and zsh. */
export const plainName = /^(?!(?:path|fpath|cdpath|manpath|mailpath|module_path|fignore|psvar|prompt|status|argv|watch|histchars|precmd|preexec|chpwd|periodic|zle_[a-z_]*|no_proxy|[a-z]*_proxy)$)[a-z_][a-z0-9_]*$/

const isPlainName = ({ kind, text }: Word): boolean => kind === 'literal' && plainName.test(text)

const wholeInQuotes = ({ source }: Word): boolean => /^"[^"]*"$/.test(source)
const comparison = new Set(['=', '!=', '==', '<', '>', '-nt', '-ot', '-ef'])
const numeric = new Set(['-eq', '-ne', '-lt', '-le', '-gt', '-ge'])
const question = new Set(['-b', '-c', '-d', '-e', '-f', '-g', '-h', '-k', '-L', '-n', '-p', '-r', '-s', '-S', '-t', '-u', '-w', '-x', '-z', '-O', '-G', '-N'])
const has = (set: ReadonlySet<string>, word: Word | undefined): boolean => word?.kind === 'literal' && set.has(word.text)

const isInteger = (word: Word | undefined): boolean => word?.kind === 'literal' && /^-?\d+$/.test(word.text)

/** `test`: bash evaluates the subscript of what follows `-v` and `-R`, so neither may be there, nor appear; other shells what is compared as a number. */
const test: Rule = (args) => args.every((word, index) => {
  if (has(numeric, word)) return isInteger(args[index - 1]) && isInteger(args[index + 1])
  if (word.kind === 'literal') return word.text !== '-v' && word.text !== '-R'
  if (word.kind === 'pattern' || !wholeInQuotes(word)) return false
  return has(comparison, args[index - 1]) || has(comparison, args[index + 1]) || has(question, args[index - 1])
})

const printf: Rule = (args) => args[0]?.kind === 'literal' && (!args[0].text.startsWith('-') || args[0].text === '--')

/** `read` assigns its input to names. */
const read: Rule = (args) => {
  const names = args.filter((word, index) => !(word.kind === 'literal' && (word.text === '-r' || word.text === '-s' || (word.text === '-d' || args[index - 1]?.text === '-d'))))
  return args.every(({ kind }) => kind === 'literal') && names.every(isPlainName)
}

const exports: Rule = (args) => args.every(({ text, source }) => {
  const [name = '', value] = text.split(/=(.*)/s)
  return !/[[(]/.test(name) && (value === undefined ? harmlessVariable(name, '') : source.startsWith(`${name}=`) && harmlessVariable(name, value))
}) && args.every(({ kind }) => kind === 'literal')

const environment = /^(?:LANG|LANGUAGE|LC_[A-Z]+|COLUMNS|LINES|TERM|NO_COLOR|CLICOLOR|FORCE_COLOR|COLORTERM|TIME_STYLE|BLOCK_SIZE|BLOCKSIZE|POSIXLY_CORRECT|SYSTEMD_COLORS|DEBIAN_FRONTEND|TZ)$/

/** Whether programs that only read go on doing so with this in their environment. */
export const harmlessVariable = (name: string, value: string): boolean => {
  if (plainName.test(name)) return true
  if (/^(?:PAGER|GIT_PAGER|SYSTEMD_PAGER|MANPAGER)$/.test(name)) return value === '' || value === 'cat'
  if (!environment.test(name)) return false
  return name === 'TZ' ? /^[A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/.test(value) : /^[A-Za-z0-9_.@:+-]*$/.test(value)
}

const findTests = new Set(`-name -iname -path -ipath -wholename -iwholename -regex -iregex -lname -ilname -type -xtype -size -mtime -atime -ctime -mmin -amin -cmin -newer -anewer -cnewer -newermt -newerat -newerct -user -group -uid -gid -perm
-maxdepth -mindepth -links -inum -samefile -fstype -regextype -used -context -printf`.split(/\s+/))
const findWords = new Set('-empty -depth -d -mount -xdev -follow -not -and -or -a -o ! ( ) , -true -false -print -print0 -ls -prune -quit -readable -writable -executable -nouser -nogroup -daystart -noleaf -ignore_readdir_race -H -L -P -help --version'.split(' '))

/** find: starting points, tests, and actions that print. What -exec runs is judged by itself. */
const find: Rule = (args) => {
  let expression = false
  for (let index = 0; index < args.length; index += 1) {
    const word = args[index] as Word
    if (word.kind === 'dynamic') return false
    if (word.kind === 'literal' && (word.text === '-exec' || word.text === '-execdir')) {
      const end = args.findIndex(({ kind, text }, at) => at > index && kind === 'literal' && (text === ';' || (text === '+' && args[at - 1]?.text === '{}')))
      if (end < 0) return false
      index = end
      expression = true
    } else if (word.kind === 'literal' && findTests.has(word.text)) {
      index += 1
      expression = true
      if (args[index]?.kind !== 'literal') return false
    } else if (word.kind === 'literal' && findWords.has(word.text)) {
      expression ||= !/^-[HLP]$/.test(word.text)
    } else if (expression || !/^[^-(!,]/.test(word.text) || (word.kind === 'pattern' && /^[*?[]/.test(word.text))) {
      return false
    }
  }
  return true
}

const sed: Rule = (args) => {
  if (!options({ flags: 'nErsuz', valued: 'el', longs: ['--quiet', '--silent', '--regexp-extended', '--expression=', '--separate', '--null-data', '--posix', '--unbuffered', '--debug', '--version', '--help'] })(args)) return false
  const scripts: string[] = []
  let operand: string | undefined
  for (let index = 0; index < args.length; index += 1) {
    const { text } = args[index] as Word
    const joined = /^(?:--expression=|-[nErsuz]*e(?=.))(.*)$/s.exec(text)
    if (joined !== null) scripts.push(joined[1] ?? '')
    else if (/^-[nErsuz]*e$/.test(text)) scripts.push(args[index += 1]?.text ?? 'w')
    else if (/^-[nErsuz]*l$/.test(text)) index += 1
    else if (text === '--') return false
    else if (!text.startsWith('-') && operand === undefined) operand = args[index]?.kind === 'literal' ? text : 'w'
  }
  if (scripts.length === 0) scripts.push(operand ?? (args.length === 1 ? '' : 'w'))
  return scripts.every(sedOnlyPrints)
}

const awk: Rule = (args) => {
  let index = 0
  for (; index < args.length; index += 1) {
    const { kind, text } = args[index] as Word
    if (kind !== 'literal') return false
    if (text === '-F' || text === '-v') index += 1
    else if (!/^-[Fv]./.test(text)) break
    if (args[index]?.kind !== 'literal') return false
  }
  const code = args[index]
  return code?.kind === 'literal' && !code.text.startsWith('-') && awkOnlyPrints(code.text) && args.slice(index + 1).every(({ kind, text }) => kind === 'literal' ? !/^-|^\/inet/.test(text) : kind === 'pattern' && /^[^-*?[]/.test(text))
}

const systemctl: Rule = either(...['status', 'show', 'cat', 'is-active', 'is-enabled', 'is-failed', 'list-units', 'list-unit-files', 'list-timers', 'list-sockets', 'list-dependencies', 'list-jobs', 'get-default', 'is-system-running', 'show-environment']
  .map((verb): Rule => (args) => {
    const at = args.findIndex(({ text }) => !text.startsWith('-'))
    return at >= 0 && args[at]?.text === verb && options({
      flags: 'alqr', valued: 'npto', longs: ['--no-pager', '--all', '--full', '--plain', '--no-legend', '--quiet', '--failed', '--reverse', '--after', '--before', '--user', '--system', '--lines=', '--type=', '--state=', '--property=', '--output=', '--value', '--recursive'],
    })(args)
  }))

const journalctl = options({
  flags: 'aefkqrxlb0123456789', valued: 'nupotSUg', operands: 20, operand: /^[A-Z_]+=|^\+$/,
  longs: ['--no-pager', '--all', '--pager-end', '--follow', '--dmesg', '--quiet', '--reverse', '--catalog', '--no-full', '--full', '--utc', '--no-hostname', '--list-boots', '--disk-usage', '--header', '--system', '--user', '--merge', '--no-tail', '--version',
    '--lines=', '--unit=', '--user-unit=', '--priority=', '--output=', '--identifier=', '--since=', '--until=', '--boot', '--boot=', '--grep=', '--facility=', '--case-sensitive=', '--output-fields=', '--fields'],
})

const ip: Rule = (args) => {
  const rest = args.slice(args.findIndex(({ text }) => !text.startsWith('-')) < 0 ? args.length : args.findIndex(({ text }) => !text.startsWith('-')))
  const [object, verb] = rest
  return args.every(({ kind }) => kind === 'literal') && args.slice(0, args.length - rest.length).every(({ text }) => /^-(?:4|6|br|brief|c|color|o|oneline|s|statistics|d|details|j|json|p|pretty|h|human)$/.test(text))
    && /^(?:a|addr|address|l|link|r|route|n|neigh|rule|maddress)$/.test(object?.text ?? '') && (verb === undefined || /^(?:show|list|ls)$/.test(verb.text))
}

/** Programs whose output goes through a pager that can run commands, when it goes to a terminal. */
export const paging: ReadonlySet<string> = new Set(['journalctl', 'systemctl', 'dpkg', 'dpkg-query'])

/** Builtins of shells that change nothing but the shell itself. */
const builtins: Readonly<Record<string, Rule>> = {
  ...every(': true false echo pwd type exit return break continue times cd pushd popd dirs', always),
  ...every('umask jobs history wait alias hash', (args) => args.length === 0),
  printf, test, read, export: exports,
  // With anything else it runs a command: that is judged by itself.
  command: ([option]) => option?.kind === 'literal' && (option.text === '-v' || option.text === '-V'),
  '[': (args) => args.at(-1)?.text === ']' && test(args.slice(0, -1)),
  ulimit: words('-a', '-S', '-H'),
  unset: (args) => args.every(isPlainName),
  shift: words('1', '2'),
  set: words('-e', '-u', '-eu', '-ue', '-o', '-eo', '-uo', '-euo', 'pipefail', 'errexit', 'nounset', '+e', '+u'),
}

/**
 * Programs that are proven to do nothing but read and print, with the arguments for which that holds. Each was checked against its manual
 * (coreutils, findutils, grep, sed, awk, procps, util-linux, systemd, iproute2). Not listed on purpose: git (a repository's configuration names
 * programs to run), editors and pagers, and whatever takes code.
 */
export const harmlessPrograms: Readonly<Record<string, Rule>> = {
  ...builtins,
  ...every(`cat tac nl head tail wc ls dir vdir stat du df cut tr paste join comm fold expand unexpand fmt pr tsort rev cksum sum md5sum sha1sum sha224sum sha256sum sha384sum sha512sum b2sum base64 base32 od hexdump cmp diff grep egrep fgrep
    basename dirname readlink realpath pathchk expr factor seq numfmt arch nproc hostid tty logname users who whoami id groups uname uptime free vmstat lscpu lsblk lsmod ps pgrep pidof w printenv locale getconf getent which sleep jq column netstat strings lsusb`, always),
  find, sed, awk, gawk: awk, mawk: awk, nawk: awk, systemctl, journalctl, ip,
  sort: options({ flags: 'bdfgiMhnRrVcCmsuz', valued: 'ktS', longs: ['--ignore-leading-blanks', '--dictionary-order', '--ignore-case', '--general-numeric-sort', '--ignore-nonprinting', '--month-sort', '--human-numeric-sort', '--numeric-sort', '--reverse', '--version-sort', '--check', '--merge', '--stable', '--unique', '--zero-terminated', '--key=', '--field-separator='] }),
  uniq: options({ flags: 'cdDiuz', valued: 'fsw', longs: ['--count', '--repeated', '--unique', '--ignore-case'], operands: 1 }),
  file: options({ flags: 'bcdEhikLNnrsv0', valued: 'FePf', longs: ['--brief', '--mime', '--mime-type', '--mime-encoding', '--dereference', '--version'] }),
  date: either(words('-u', '-I', '-Is', '-Iseconds', '-Iminutes', '-Idate', '-Ins', '-Ihours'), options({ flags: 'uRI', valued: 'dr', longs: ['--utc', '--universal', '--rfc-email', '--iso-8601', '--iso-8601=', '--rfc-3339=', '--date=', '--reference=', '--version'], operands: 1, operand: /^\+/ })),
  hostname: words('-f', '-s', '-i', '-I', '-d', '-A', '--fqdn', '--short', '--all-ip-addresses', '--version'),
  env: (args) => args.length === 0,
  mount: (args) => args.length === 0,
  dmesg: options({ flags: 'TxkuwdtLe', valued: 'l', longs: ['--ctime', '--kernel', '--userspace', '--level=', '--nopager'], operands: 0 }),
  crontab: (args) => args.length === 1 && args[0]?.kind === 'literal' && args[0].text === '-l',
  ss: options({ flags: 'hVnraloempistudwx046', valued: '', longs: ['--numeric', '--listening', '--tcp', '--udp', '--all', '--processes', '--summary'], operands: 20 }),
  dpkg: first({ '-l': options({ flags: '' }), '-L': options({ flags: '' }), '-s': options({ flags: '' }), '-S': options({ flags: '' }), '--version': always, '--print-architecture': always }),
  'dpkg-query': first({ '-l': options({ flags: '' }), '-L': options({ flags: '' }), '-s': options({ flags: '' }), '-S': options({ flags: '' }), '-W': options({ flags: '' }) }),
  ...every('python python2 python3 node perl ruby php git gcc g++ make cmake bash go java curl openssl docker', versionOnly),
}
