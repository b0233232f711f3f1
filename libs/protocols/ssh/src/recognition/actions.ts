import type { ActionClass, FactType } from '@sallyport/protocol-kit'

/** Precise actions of shell texts and the class of each. Each program that a text starts is one effect. */
export const actions = {
  /** A program that is proven to do nothing but read and print. */
  'ssh.inspect': 'read',
  /** Any other program, an assignment or a redirection. */
  'ssh.exec': 'execute',
  /** The target's end of a file transfer: scp, rsync, git, SFTP. */
  'ssh.transfer': 'transfer',
  'ssh.unrecognised': 'unrecognised',
} as const satisfies Record<string, ActionClass>

export type Action = keyof typeof actions

/**
 * Facts of an effect. `program` and what follows it are about one program, `programs` and `commandCount` about the whole text.
 * Paths are normalised (no `.`, `..` or doubled slash, as far as the file system needn't be asked), relative ones as written and,
 * where the directory is known, also absolute; `~` stays. A pattern stands as written.
 */
export const facts = {
  /** Name of the program without its directory, as invoked. Absent: only known when it runs (`dynamic`), or there is none. */
  program: 'string',
  /** The program as invoked, where that names a directory: `./ls` is not `ls`. */
  programPath: 'string',
  /** Every program that the text is known to start. */
  programs: 'strings',
  /** Programs through which this one is started: `sudo`, `env`, `xargs`, `sh` … */
  via: 'strings',
  /** Its literal arguments, without order; `***` stands for what looks like a secret. What is only known when it runs is missing: then `dynamic` is true. */
  arguments: 'strings',
  pathsRead: 'strings',
  /** Written, created, removed or changed, by arguments of known programs and by redirections. */
  pathsWritten: 'strings',
  /** Runs as somebody else, or is what makes it so: sudo, doas, su, pkexec, chroot, nsenter … */
  privileged: 'boolean',
  /** A program that talks to the network, or a redirection that does (`/dev/tcp/…`). */
  network: 'boolean',
  /** Runs on another host or in a container: what ssh, docker exec and the like start. */
  elsewhere: 'boolean',
  /** A program that runs code of a language: shells, Python, Perl, awk … */
  interpreter: 'boolean',
  /** Runs code or a command that can't be known from the text: `python -c`, `curl | sh`, `sudo -i`. */
  opaque: 'boolean',
  /** A program that can be made to run others by its arguments, its configuration or a key pressed in it: editors, pagers, tar, git … */
  escapes: 'boolean',
  /** The program or an argument is only known when it runs. */
  dynamic: 'boolean',
  background: 'boolean',
  /** Output goes to a file by a redirection. */
  redirects: 'boolean',
  /** Names of variables it sets. */
  environment: 'strings',
  /** One of them is not known to be harmless: PATH, LD_PRELOAD, IFS, BASH_ENV … */
  riskyEnvironment: 'boolean',
  /** Number of commands in the text, those within substitutions and arguments included. */
  commandCount: 'integer',
  /** `download` (from the target) or `upload`. */
  direction: 'string',
  /** What a transfer reads or writes on the target. */
  path: 'string',
  /** `scp`, `rsync`, `git`, `sftp`. */
  transferTool: 'string',
} as const satisfies Record<string, FactType>

export type FactName = keyof typeof facts
