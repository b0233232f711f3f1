import type { ClientEndpoint } from '../descriptor.js'

/** What the demo prints. */
export interface DemoScreen {
  note(text: string): void
  says(who: 'agent' | 'approver' | 'target' | 'gateway', text: string): void
  plain(text: string): void
}

/** Asks the REST API as one principal; throws on any answer but success. */
export interface DemoRest {
  get(path: string): Promise<unknown>
  text(path: string): Promise<string>
  post(path: string, body: object): Promise<unknown>
}

/** Everybody and everything a chapter needs, already running. */
export interface DemoCast {
  readonly screen: DemoScreen
  /** Where the gateway listens for the chapter's protocol. */
  readonly listener: ClientEndpoint
  /** The scripted agent, an AI agent that may use the chapter's connections. */
  readonly agent: DemoRest
  readonly agentToken: string
  readonly approvers: Readonly<Record<'bob' | 'carol', DemoRest>>
  readonly auditor: DemoRest
  /** Begins the next step, under the next number. */
  step(text: string): void
  /** Shows what was found to be so. Throws when it isn't: the demo ends there, with status 1. */
  check(condition: boolean, what: string): void
}

/** A chapter's part of one demo: its target is running. */
export interface DemoSet {
  /** Connections that the scripted agent may use besides the demo's own. */
  readonly connections: readonly string[]
  /** Files of configuration, by name: connections, rules (`.yaml`) and policies (`.cedar`). */
  readonly configuration: Readonly<Record<string, string>>
  /** Variables that the configuration refers to. */
  readonly env: Readonly<Record<string, string>>
  play(cast: DemoCast): Promise<void>
  /** How to go on by hand, for a demo that is kept. */
  explain(listener: ClientEndpoint): string
  stop(): Promise<void>
}

/** What a protocol adds to the demo. Its package, `@sallyport/protocol-<name>-demo`, exports one as `chapter`. */
export interface DemoChapter {
  readonly title: string
  readonly introduction: string
  /** How many things it checks: one that fell out silently shows in the demo's own test. */
  readonly checks: number
  /** Starts the chapter's own target, on loopback. `env` is the environment of the demo's process. */
  prepare(env: Readonly<Record<string, string | undefined>>): Promise<DemoSet>
}
