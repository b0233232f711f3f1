import type { ActionClass, Effect, Facts, InputKind, Operation, Recognition, Touches } from '@sallyport/protocol-kit'

/** What a whole session shares, and what changes what a text means: part of what was approved. */
export interface Circumstances {
  readonly username: string
  /** Variables that go with it, `NAME=value`. */
  readonly environment: readonly string[]
  readonly terminal: boolean
}

const nothing: Touches = { relations: [], columns: [], everything: false, opaque: false }

/** Something that is no shell text: an effect known from the request itself. */
export const requestRecognition = (action: string, actionClass: ActionClass, facts: Facts): Recognition => {
  const effect: Effect = { action, class: actionClass, facts }
  return {
    effects: [effect], action, class: actionClass, fingerprint: action, provenRead: false, alwaysAllowed: false, touches: nothing, literals: [], detail: undefined,
  }
}

/** A request of the protocol itself: a forward, a variable, a subsystem. `text` says it to people. */
export const requestOperation = (action: string, actionClass: ActionClass, facts: Facts, text: string, input: InputKind = 'none'): Operation => ({
  recognition: requestRecognition(action, actionClass, facts), text, input, exact: [action, text, JSON.stringify(facts)], holdCapMs: 0,
})

/** A shell text as one channel's command. */
export const commandOperation = (recognition: Recognition, text: string, { username, environment, terminal }: Circumstances): Operation => ({
  recognition, text, input: 'stream', exact: ['exec', text, username, terminal ? 'terminal' : 'pipes', ...environment], holdCapMs: 0,
})
