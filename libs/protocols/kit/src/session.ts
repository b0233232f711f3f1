import type { Refusal } from './refusal.js'
import type { MaskPlan, Output } from './mask-plan.js'
import type { Facts, Operation, Recognition, Touches } from './operation.js'

/**
 * The contract between a protocol's sans-IO session and the proxy that hosts it.
 *
 * A session is pure: bytes come in through `receive`, everything it wants done goes through {@link SessionHost}.
 * It touches no socket, clock or randomness. Ports answer at once when they can (a cached decision costs no promise)
 * and else with a promise; while `receive` for a side is pending the host delivers nothing more from that side,
 * buffers a bounded amount and then stops reading (back-pressure).
 */
export type Side = 'client' | 'target'

export interface ProtocolSession {
  /**
   * Bytes of one side, in order, split anywhere. The chunk belongs to the session only until the call returns or its promise resolves,
   * and may be passed on to `send` without a copy. Throws (or rejects with) a Refusal when the peer breaks the protocol:
   * the session has then already said so to the client where it can, and the host closes both sides.
   */
  receive(side: Side, chunk: Buffer): void | Promise<void>
  /** A side ended its stream. The session flushes what it owes; the host closes the other side after it. */
  end(side: Side): void | Promise<void>
  /** Somebody asked to cancel what runs now (a CancelRequest that found its session): answers the bytes to show the target on a connection of their own, or undefined when nothing at the target needs cancelling (a held command was withdrawn by the host). */
  cancel(): Uint8Array | SecuredAside | undefined
  /** The session must end now: say why in the protocol's own form; the host then closes both sides. */
  terminate(refusal: Refusal): void
}

/** What is shown the target on a connection of its own, over TLS as the connection's mode has it: `ask` is said in the clear first, and only when exactly `agreed` comes back does TLS begin. */
export interface SecuredAside {
  readonly ask: Uint8Array
  readonly agreed: Uint8Array
  readonly bytes: Uint8Array
}

/** Who the client says it is, as far as the protocol carries it. */
export interface Claim {
  readonly connection: string
  /** OIDC access token or `spc_` credential; by public key its blob in base64, whose private half has signed this hand-shake. Never logged. */
  readonly secret: string
  readonly method: 'password' | 'oauthbearer' | 'bearer' | 'keyboard-interactive' | 'publickey'
  /** What the client said about itself, for the record: application name, version. Public. */
  readonly client: Readonly<Record<string, string>>
}

/** Proof that a principal was authenticated and its `connect` decision was allow. Only the host mints it. */
declare const admitted: unique symbol
export interface Admission {
  readonly [admitted]: true
  readonly connection: string
}

/** What the gateway shows the target: a password, a private key (PEM or OpenSSH), or the private key of an authority that signs short-lived keys. */
export type CredentialKind = 'password' | 'private-key' | 'certificate-authority'

/** The target as the session needs it for its upstream hand-shake. The secret lives in memory only. */
export interface TargetAccess {
  readonly host: string
  readonly port: number
  readonly database: string | undefined
  readonly username: string
  readonly credential: { readonly kind: CredentialKind; readonly secret: string } | undefined
  readonly tls: 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'
}

export interface TlsFacts {
  /** RFC 5929 `tls-server-end-point` hash of the certificate that this side's server showed; undefined where it can't be had. */
  readonly serverEndPoint: Uint8Array | undefined
}

/** Proof that a command was judged, recorded as requested, and may be forwarded once. Only the host mints it. */
declare const judged: unique symbol
export interface Ticket {
  readonly [judged]: true
  readonly command: string
  /** Sequence number of the last event that must be acknowledged before the command's effect (not a proven read) or its output (a proven read). */
  readonly sequence: number
  /** `now()` when it was judged, for its duration. */
  readonly startedAt: number
}

export type Verdict =
  | { readonly kind: 'allow'; readonly ticket: Ticket }
  | { readonly kind: 'refuse'; readonly refusal: Refusal; readonly command: string }

/** What the client is told at once when its command is held. */
export interface HoldNotice {
  readonly approval: string
  readonly command: string
  /** One sentence: why it waits, who can approve, until when. */
  readonly text: string
}

export interface Outcome {
  readonly outcome: 'completed' | 'failed' | 'cancelled' | 'lost'
  readonly rows?: number
  /** Bytes delivered to the client for it. */
  readonly bytesOut: number
  /** Fields masked, by rule. */
  readonly masked?: Readonly<Record<string, number>>
  /** Hex SHA-256 over what was delivered, when the session computed it. */
  readonly digest?: string
  readonly status?: string
  /** What the protocol knows of the end besides: exit status, size and digest of what was transferred. */
  readonly facts?: Facts
  readonly error?: { readonly code: string; readonly message: string }
  readonly result?: { readonly columns: readonly string[]; readonly rows: readonly (readonly (string | null)[])[]; readonly truncated: boolean }
}

export interface MaskQuery {
  readonly touches: Touches
  readonly outputs: readonly Output[]
}

/** `resize`: `<columns>x<rows>` in ASCII, as asciicast has it. */
export type RecordedKind = 'output' | 'error' | 'input' | 'resize'

export interface SessionHost {
  /** Largest number of bytes of delivered, masked results to keep for replay, per command; 0 for none. Known after `admit`. */
  readonly resultBytesMax: number
  /** Largest number of delivered, masked bytes to record of a command that streams its output and is no terminal; 0 for none. Known after `admit`. */
  readonly outputBytesMax: number
  /** The connection's own options, as {@link ProtocolDescriptor.checkOptions} let them pass. Known after `admit`. */
  readonly options: Readonly<Record<string, unknown>>
  /** Private keys (PEM) by which this gateway is known to clients, from {@link ProtocolDescriptor.serverKeyMakers}; the same after a restart. */
  readonly serverKeys: readonly string[]
  /** Session and principal in one line, for the target's own log. Known after `admit`. */
  readonly attribution: string
  /** Monotonic milliseconds, for durations only. */
  now(): number

  /** Queues bytes for a side's socket. Never blocks; the host's back-pressure stops reading from the other side when the queue is long. */
  send(side: Side, bytes: Uint8Array): void
  /** Undefined when the side's queue is short; else resolves when it is again (or the side is gone). For sessions that take turns between several streams on one side. */
  whenWritable(side: Side): Promise<void> | undefined
  /** Upgrades a side to TLS in place (as server towards the client, as client towards the target); what follows is decrypted bytes. Must be called inside `receive`, with every byte before the hand-shake consumed. Rejects with a Refusal. */
  secure(side: Side): Promise<TlsFacts>
  /** Whether the listener can offer TLS, and whether it insists. */
  readonly clientTls: 'none' | 'offered' | 'required' | 'active'

  /** Verifies the claim, looks the connection up, and decides `connect`. Rejects with a Refusal (already recorded); where the protocol lets a client try again, it may be called again. */
  admit(claim: Claim): Promise<Admission>
  /** Opens the sealed credential and connects. `database` is what the client asked for, undefined for the connection's default. Later bytes arrive as side `target`. Rejects with a Refusal. Calling it again replaces the target's socket (TLS fallback of `prefer` and `allow`). */
  dial(admission: Admission, database: string | undefined): Promise<TargetAccess>
  /** Records `session.opened` and resolves when it is acknowledged: only then may the client be told that it is in. */
  opened(facts: { readonly database?: string; readonly targetTls: boolean; readonly client: Readonly<Record<string, string>> }): Promise<void>
  /**
   * Learns something of the target once and for all, e.g. its host key where the connection trusts the first one: answers what is remembered under the
   * name, which is `value` when nothing was. Recorded as an event. Rejects with a Refusal when it can't be asked.
   */
  remember(name: string, value: string): Promise<string>
  /** Bytes of a fresh, unguessable number, e.g. for cancel keys and nonces. */
  random(bytes: number): Uint8Array
  /** A cancel key of the gateway's own under which `cancel()` of this session is found, from any proxy process. `bytes` total length: at least 8. */
  cancelKey(bytes: number): Uint8Array
  /** Carries out a cancel request that arrived on this connection; resolves when it was handed over (or nobody knows the key: silence either way). */
  requestCancel(key: Uint8Array): Promise<void>

  /** What a text means. Cached by (text, settings); the parse runs in an isolated worker with a time limit. Never rejects for bad input: that is `unrecognised`. */
  recognise(text: string, settings: Readonly<Record<string, string>>): Recognition | Promise<Recognition>
  /**
   * Whether a statement of this shape is denied outright, for steps that take effect before the command itself is judged (PostgreSQL's Parse takes locks).
   * Decided and cached; recorded as requested and refused only when refused. A hold is not a refusal: the command itself waits later.
   */
  preflight(recognition: Recognition, text: string): Refusal | undefined | Promise<Refusal | undefined>
  /**
   * Decides, records `requested` (and what follows), and waits out a hold. The answer comes at once when decision and plan are cached.
   * `onHeld` is called when it has to wait for people: tell the client why. A refusal is already recorded.
   * `signal`: the client gave up this one command; a session of one command at a time needs none (its `cancel` is enough).
   */
  judge(operation: Operation, onHeld: (notice: HoldNotice) => void, signal?: AbortSignal): Verdict | Promise<Verdict>
  /** True when every event up to the sequence is acknowledged at the connection's durability. */
  acknowledged(sequence: number): boolean
  /** Resolves when it is; rejects with a Refusal (`unavailable`) after the deadline: the session must then end or refuse. */
  whenAcknowledged(sequence: number): Promise<void>
  /** Records a piece of an operation's input stream before it is forwarded; answers its sequence. `text` is masked here by the session's plan for the log. */
  recordInput(ticket: Ticket, bytes: Uint8Array): number
  /** Adds to the command's recording what was delivered (already masked) or typed, with the time since the command began. Gathered into chunks; nothing of it is lost when the session ends. */
  record(ticket: Ticket, kind: RecordedKind, bytes: Uint8Array): void
  /** Undefined while the recording is at most 256 KiB and one second ahead of what is acknowledged; else resolves when it is so again. Rejects with a Refusal after the deadline. */
  whenRecorded(ticket: Ticket): Promise<void> | undefined
  /** Ends the session as a throw out of `receive` does, from where nothing is being received: `terminate` is called with the refusal, then both sides close. */
  abandon(refusal: Refusal): void
  /** How the command ended. Exactly once for each allowed ticket. */
  finish(ticket: Ticket, outcome: Outcome): void

  /** The plan for a result shape; cached by shape and revision. Rejects with a Refusal when it can't be had: the result must then not be delivered. */
  maskPlan(query: MaskQuery): MaskPlan | Promise<MaskPlan>
  /**
   * Asks the target's catalog on the gateway's own connection through {@link ProtocolDescriptor.createCatalog}; cached by key for this connection and database.
   * `key` and answer are the protocol's own (e.g. relation id to names). Rejects with a Refusal when it can't be asked.
   */
  catalog(key: string): unknown | Promise<unknown>
  /** Drops cached catalog answers: the session saw a schema change. */
  catalogChanged(): void
}

/** A connection of the gateway's own to the target, for catalog look-ups; sans-IO like the session. */
export interface CatalogSession {
  receive(chunk: Buffer): void | Promise<void>
  end(): void
  /** Resolves when the upstream hand-shake is done. */
  readonly ready: Promise<void>
  /** Answers a key of {@link SessionHost.catalog}. Structured-cloneable. */
  ask(key: string): Promise<unknown>
  /** Ends politely. */
  close(): void
}

export interface CatalogHost {
  send(bytes: Uint8Array): void
  secure(): Promise<TlsFacts>
  /** Connects (again), as the session's `dial`. */
  dial(): Promise<TargetAccess>
  random(bytes: number): Uint8Array
}
