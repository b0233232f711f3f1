import type { Word } from './model.js'

/** Words in which `placeholder` is replaced when they run are only known then. */
export const replaced = (words: readonly Word[], placeholder: string): readonly Word[] => placeholder === '' ? words : words.map((word): Word => {
  const at = word.text.indexOf(placeholder)
  return at < 0 ? word : { ...word, kind: 'dynamic', text: word.text.slice(0, at) }
})

/** Commands in find's actions. */
export const findCommands = (args: readonly Word[]): readonly (readonly Word[])[] => {
  const found: (readonly Word[])[] = []
  for (let index = 0; index < args.length; index += 1) {
    const { kind, text } = args[index] as Word
    if (kind !== 'literal' || !/^-(?:exec|execdir|ok|okdir)$/.test(text)) continue
    const from = index + 1
    while (index < args.length && !(args[index]?.text === ';' || (args[index]?.text === '+' && args[index - 1]?.text === '{}'))) index += 1
    const words = replaced(args.slice(from, index), '{}')
    if (words.length > 0) found.push(words)
  }
  return found
}

/** Options whose value is a command: the next argument, or what a pattern's first group finds in the same one. */
interface ScriptOptions {
  readonly next?: readonly string[]
  readonly joined?: readonly RegExp[]
}

const tar: ScriptOptions = {
  next: ['-I', '--use-compress-program', '--rsh-command', '--rmt-command', '-F', '--info-script', '--new-volume-script', '--to-command'],
  joined: [/^--checkpoint-action=exec=(.*)$/s, /^--(?:to-command|use-compress-program|rsh-command|rmt-command|info-script|new-volume-script)=(.*)$/s],
}

const ssh: ScriptOptions = { joined: [/^(?:-o)?\s*(?:ProxyCommand|LocalCommand|KnownHostsCommand)[ =](.*)$/is], next: ['-S'] }

const table: Readonly<Record<string, ScriptOptions>> = {
  tar, bsdtar: tar,
  rsync: { next: ['-e', '--rsh', '--rsync-path'], joined: [/^--(?:rsh|rsync-path)=(.*)$/s, /^-[a-df-zA-Z]*e(.+)$/s] },
  scp: ssh, sftp: ssh,
  git: {
    next: ['-x', '--exec', '--extcmd', '--upload-pack', '--receive-pack', '-O', '--open-files-in-pager'],
    joined: [/^core\.(?:sshCommand|editor|pager|fsmonitor|askPass|gitProxy|hooksPath|alternateRefsCommand)=(.*)$/is, /^alias\.[^=]*=!?(.*)$/s, /^(?:diff\.external|sequence\.editor|credential\.helper|pager\.[^=]*|gpg\.program|interactive\.diffFilter|filter\.[^=]*|diff\.[^=]*\.(?:command|textconv)|merge\.[^=]*\.driver|difftool\.[^=]*|mergetool\.[^=]*|uploadpack\.packObjectsHook|protocol\.ext\.allow)=!?(.*)$/is,
      /^--(?:exec|extcmd|upload-pack|receive-pack|ext-diff|open-files-in-pager)=(.*)$/s, /^ext::(.*)$/s],
  },
  zip: { next: ['-TT', '--unzip-command'] }, man: { next: ['-P', '--pager', '-H'], joined: [/^--(?:pager|html)=(.*)$/s, /^-P(.+)$/s] },
  vim: { joined: [/^\+?:?!(.*)$/s], next: [] }, vi: { joined: [/^\+?:?!(.*)$/s] }, less: { joined: [/^\+?!(.*)$/s] },
  nc: { next: ['-e', '-c'] }, ncat: { next: ['-e', '-c', '--exec', '--sh-exec'] }, socat: { joined: [/(?:EXEC|SYSTEM|SHELL):(.*)$/is] },
  sort: { next: ['--compress-program'], joined: [/^--compress-program=(.*)$/s] }, split: { next: ['--filter'], joined: [/^--filter=(.*)$/s] },
  tcpdump: { next: ['-z'] }, diff3: { joined: [/^--diff-program=(.*)$/s] }, fd: { next: ['-x', '-X', '--exec', '--exec-batch'] }, fdfind: { next: ['-x', '-X', '--exec', '--exec-batch'] },
  wget: { next: ['--use-askpass'], joined: [/^--use-askpass=(.*)$/s] }, cpio: { joined: [/^--rsh-command=(.*)$/s] }, rg: { next: ['--pre', '--hostname-bin'], joined: [/^--(?:pre|hostname-bin)=(.*)$/s] },
  mapfile: { next: ['-C'] }, readarray: { next: ['-C'] },
}

/** Arguments that take the text of a command and run something that isn't in them: nothing of it is known. */
const opaque: Readonly<Record<string, RegExp>> = {
  git: /^(?:bisect|submodule|difftool|mergetool|filter-branch|hook)$/, trap: /^./, at: /^/, batch: /^/, crontab: /^(?!-l$)/, make: /^/, npx: /^/, npm: /^(?:run|run-script|exec|start|test|install|ci|i|x)$/, yarn: /^/, pnpm: /^/, 'run-parts': /^/, screen: /^/, tmux: /^/,
  'ansible-playbook': /^/, enable: /^-f/, complete: /^-[CF]/, bind: /^-x/,
}

/** Texts of commands among the arguments of a program that can run others; undefined: one that can't be known. */
export const scriptOptions = (program: string, args: readonly Word[]): readonly (Word | undefined)[] => {
  const options = Object.hasOwn(table, program) ? table[program] : undefined
  const hidden = Object.hasOwn(opaque, program) ? opaque[program] : undefined
  const found: (Word | undefined)[] = hidden !== undefined && (args.length === 0 ? hidden.test('') : args.some(({ text }) => hidden.test(text))) ? [undefined] : []
  // The server's `-e` names features of the protocol.
  if (options === undefined || (program === 'rsync' && args.some(({ text }) => text === '--server'))) return found
  args.forEach((word, index) => {
    if (options.next?.includes(word.text) === true && args[index + 1] !== undefined) found.push(args[index + 1]?.kind === 'literal' ? args[index + 1] : undefined)
    for (const pattern of options.joined ?? []) {
      const match = pattern.exec(word.text)
      if (match !== null) found.push(word.kind === 'literal' ? { ...word, text: match[1] ?? '' } : undefined)
    }
  })
  return found
}
