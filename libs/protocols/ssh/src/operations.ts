import { strictness, type ActionClass, type Effect, type FactType, type Facts, type InputKind, type Operation, type Recognition, type Touches } from '@sallyport/protocol-kit'
import { transferActions, transferFacts } from './sftp/operations.js'
import { shellActions } from './shell/operations.js'
import { actions as textActions, facts as textFacts } from './recognition/index.js'

/** Precise actions and the class of each. */
export const actions = {
  ...textActions,
  ...shellActions,
  ...transferActions,
  /** A variable that says in which language to speak and how to draw. */
  'ssh.locale': 'connect',
  /** Any other variable. */
  'ssh.environment': 'execute',
  /** A connection from the client's side to what the target reaches. */
  'ssh.forward.local': 'forward',
  /** A listener on the target, or a connection that came to it. */
  'ssh.forward.remote': 'forward',
  'ssh.agent': 'forward',
  'ssh.x11': 'forward',
  /** A subsystem that is not understood. */
  'ssh.subsystem': 'unrecognised',
  /** A request or a channel that is not understood. */
  'ssh.request': 'unrecognised',
} as const satisfies Record<string, ActionClass>

/** Facts that policies may test. */
export const facts = {
  ...textFacts,
  ...transferFacts,
  /** Where a forward leads or listens, as the client wrote it. */
  host: 'string',
  port: 'integer',
  /** Who connected to a listener on the target, as the target says. */
  peer: 'string',
  subsystem: 'string',
  /** Kind of a request or channel that is not understood. */
  request: 'string',
} as const satisfies Record<string, FactType>

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
export const commandOperation = (recognition: Recognition, text: string, { username, environment, terminal }: Circumstances, input: InputKind): Operation => ({
  recognition, text, input, exact: ['exec', text, username, terminal ? 'terminal' : 'pipes', ...environment], holdCapMs: 0,
})

/** What a text means where variables go with it that may change that: nothing is proven of it any more. */
export const withRiskyEnvironment = (recognition: Recognition, names: readonly string[]): Recognition => {
  if (names.length === 0) return recognition
  const effects = recognition.effects.map((effect) => (strictness[effect.class] < strictness.execute
    ? { action: 'ssh.exec', class: 'execute' as const, facts: { ...effect.facts, environment: names, riskyEnvironment: true } }
    : { ...effect, facts: { ...effect.facts, environment: names, riskyEnvironment: true } }))
  const stricter = strictness[recognition.class] < strictness.execute ? { action: 'ssh.exec', class: 'execute' as const } : {}
  return { ...recognition, ...stricter, effects, provenRead: false }
}
