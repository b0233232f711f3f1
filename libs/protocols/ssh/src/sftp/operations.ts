import { strictness, type ActionClass, type Effect, type Facts, type FactType, type Operation, type Touches } from '@sallyport/protocol-kit'

/** What a client does over SFTP. Files that are opened, directories that are made, and attributes that are set are `ssh.transfer`, as scp's and rsync's are. */
export const transferActions = {
  /** The SFTP channel: it does nothing by itself, each request in it is judged. */
  'ssh.sftp': 'connect',
  /** Which path a path leads to. */
  'ssh.transfer.resolve': 'connect',
  /** Size, owner, times and mode; where a link leads; the room of a file system. */
  'ssh.transfer.look': 'read',
  /** The names in a directory. */
  'ssh.transfer.list': 'read',
  /** Removes, renames, or links. */
  'ssh.transfer.change': 'write',
  /** What is not understood, and not carried. */
  'ssh.transfer.unrecognised': 'unrecognised',
} as const satisfies Record<string, ActionClass>

export const transferFacts = {
  /** `open`, `mkdir`, `setstat`, `opendir`, `stat`, `lstat`, `readlink`, `statvfs`, `realpath`, `remove`, `rmdir`, `rename`, `symlink`, `hardlink`. */
  operation: 'string',
  /** The path as the client wrote it, normalised; `path` is where it leads. */
  requestedPath: 'string',
} as const satisfies Record<string, FactType>

export type TransferAction = keyof typeof transferActions | 'ssh.transfer'

const classOf = (action: TransferAction): ActionClass => (action === 'ssh.transfer' ? 'transfer' : transferActions[action])

const touches: Touches = { relations: [], columns: [], everything: false, opaque: false }

/** One path of a request, and what happens to it. */
export interface TransferEffect {
  readonly action: TransferAction
  readonly operation: string
  readonly path?: string
  readonly requestedPath?: string
  readonly direction?: 'download' | 'upload'
  readonly reads?: boolean
  readonly writes?: boolean
}

const effectOf = ({ action, operation, path, requestedPath, direction, reads, writes }: TransferEffect, tool: string): Effect => {
  const facts: Facts = {
    transferTool: tool, operation, ...(path === undefined ? {} : { path }), ...(requestedPath === undefined ? {} : { requestedPath }), ...(direction === undefined ? {} : { direction }),
    ...(path !== undefined && reads === true ? { pathsRead: [path] } : {}), ...(path !== undefined && writes === true ? { pathsWritten: [path] } : {}),
  }
  return { action, class: classOf(action), facts }
}

/** `exact`: what else must be the same when it runs. */
export const transferOperation = (tool: 'sftp' | 'scp', text: string, given: readonly TransferEffect[], exact: readonly (Uint8Array | string)[], input: 'none' | 'stream' = 'none'): Operation => {
  const effects = given.map((effect) => effectOf(effect, tool))
  const strictest = effects.reduce((worst, effect) => (strictness[effect.class] > strictness[worst.class] ? effect : worst))
  return {
    recognition: {
      effects, action: strictest.action, class: strictest.class, fingerprint: `${tool} ${given.map(({ operation }) => operation).join(' ')}`, provenRead: strictness[strictest.class] <= strictness.read,
      alwaysAllowed: false, touches, literals: [], detail: undefined,
    },
    text, input, exact: [tool, text, JSON.stringify(effects), ...exact], holdCapMs: 0,
  }
}
