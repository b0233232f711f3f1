import type { ActionClass, Recognition } from './operation.js'
import type { CatalogHost, CatalogSession, CredentialKind, ProtocolSession, SessionHost } from './session.js'

/** Type of a fact in the Cedar schema: Bool, Long, String, Set<String>. */
export type FactType = 'boolean' | 'integer' | 'string' | 'strings'

/** Where clients connect for a protocol. */
export interface ClientEndpoint {
  readonly host: string
  readonly port: number
}

/** How a client program is led to Sallyport: variables of its environment (an undefined one is removed from it), and arguments that come before the given ones. */
export type ClientProgram = (endpoint: ClientEndpoint, connection: string, secret: string) => {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly args?: readonly string[]
}

/** What is wrong with a connection's options: `field` below `options`, dotted. */
export interface OptionFault {
  readonly field: string
  readonly problem: string
}

/** All that the rest of the platform knows of a protocol. */
export interface ProtocolDescriptor {
  /** As connections name it: `postgres`. */
  readonly name: string
  readonly title: string
  /** Where a listener for it listens unless it is told otherwise (the target's own default is another). */
  readonly defaultPort: number
  /** Precise actions and the class (Cedar action group) each belongs to. Class may be refined per operation only towards a stricter one. */
  readonly actions: Readonly<Record<string, ActionClass>>
  /** Facts of an effect: what policies may test in `context`. All optional in the schema. */
  readonly facts: Readonly<Record<string, FactType>>
  /** Client programs that the command-line client can run for a connection, by the program's name. */
  readonly clients?: Readonly<Record<string, ClientProgram>>
  /** What the gateway may show a target of this protocol. */
  readonly credentialKinds: readonly CredentialKind[]
  /** Checks a connection's own options when it is applied; a protocol without it has none. Answers what is wrong, in words for whoever wrote them. */
  checkOptions?(options: Readonly<Record<string, unknown>>): readonly OptionFault[]
  /** What makes each of the private keys (PEM, by a name for its file) by which the gateway is known to clients of this protocol: kept by the proxy, made once. */
  readonly serverKeyMakers?: Readonly<Record<string, () => string>>
  createSession(host: SessionHost): ProtocolSession
  createCatalog?(host: CatalogHost, database: string | undefined): CatalogSession
  /** Called once in a worker before `recognise`. */
  loadRecogniser(): Promise<void>
  /**
   * Pure and synchronous, run in an isolated worker that may be killed at its time limit. Must not recurse on input depth without a bound.
   * Throws only when the parser itself broke (the worker is then replaced); bad input is an `unrecognised` recognition.
   */
  recognise(text: string, settings: Readonly<Record<string, string>>): Recognition
  /** What stands for a text that could not be given to the recogniser at all (too large, timed out). */
  unrecognised(text: string, problem: string): Recognition
  readonly limits: { readonly textBytesMax: number; readonly recogniseTimeoutMs: number; readonly handshakeTimeoutMs: number }
}
