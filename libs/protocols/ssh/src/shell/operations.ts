import type { ActionClass, Effect, Facts, Operation, Recognition, Refusal, Touches } from '@sallyport/protocol-kit'

/** What a client's request for a shell is. */
export const shellActions = {
  /** A shell of the target's own: what is typed into it is recorded, and not judged. */
  'ssh.shell': 'execute',
  /** The gateway's own shell: it runs nothing by itself, each line is a command of its own. */
  'ssh.shell.governed': 'connect',
} as const satisfies Record<string, ActionClass>

const touches: Touches = { relations: [], columns: [], everything: false, opaque: true }

export interface ShellRequest {
  readonly action: keyof typeof shellActions
  readonly username: string
  readonly terminal: boolean
  /** `NAME=value`. */
  readonly environment: readonly string[]
  readonly refusal?: Refusal
}

/** The request for a shell as an operation; what is typed into it comes later. */
export const shellOperation = ({ action, username, terminal, environment, refusal }: ShellRequest): Operation => {
  const facts: Facts = {}
  const effect: Effect = { action, class: shellActions[action], facts }
  const recognition: Recognition = {
    effects: [effect], action, class: effect.class, fingerprint: action, provenRead: false, alwaysAllowed: false, touches, literals: [], detail: undefined,
  }
  return {
    recognition, text: terminal ? 'a shell with a terminal' : 'a shell', input: 'stream', exact: [action, username, terminal ? 'terminal' : 'pipes', ...environment], holdCapMs: 0, ...(refusal === undefined ? {} : { refusal }),
  }
}
