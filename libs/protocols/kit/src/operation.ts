import type { Refusal } from './refusal.js'

/**
 * The neutral middle: what every protocol turns one unit of execution into. Plain data, no protocol named.
 * `unmask`: puts masked data where no masking rule reaches it.
 */
export type ActionClass = 'connect' | 'read' | 'write' | 'schema' | 'administer' | 'execute' | 'transfer' | 'forward' | 'unmask' | 'unrecognised'

/** A typed fact, as Cedar sees it in `context`. Integers are safe integers. */
export type Fact = boolean | number | string | readonly string[]
export type Facts = Readonly<Record<string, Fact>>

/** One effect of an operation. Effects are judged one by one; the strictest answer counts. */
export interface Effect {
  /** Precise action from the protocol's descriptor, e.g. `sql.delete`. */
  readonly action: string
  readonly class: ActionClass
  readonly facts: Facts
}

/**
 * `lineage`: partition parents, and tables under a view, once the target's catalog was asked (empty: it has none); `columns`: those of the
 * base relation that it shows or uses, under whatever names; absent: any.
 */
export interface Relation {
  readonly schema: string | null
  readonly name: string
  readonly lineage?: readonly { readonly schema: string | null; readonly name: string; readonly columns?: readonly string[] }[]
}

/** What the operation reads, for masking; see the masking contract. */
export interface Touches {
  readonly relations: readonly Relation[]
  readonly columns: readonly string[]
  readonly everything: boolean
  readonly opaque: boolean
}

/**
 * What recognition found in a text, independent of parameters: cached by text and settings.
 * `effects` is never empty: what can't be read has one effect of class `unrecognised`.
 */
export interface Recognition {
  readonly effects: readonly Effect[]
  /** The strictest effect's. */
  readonly action: string
  readonly class: ActionClass
  /** Equal for texts that differ in constants only. */
  readonly fingerprint: string
  /** Read-only is proven, or it isn't: every effect is a read (or connect) and nothing called is outside the harmless list. */
  readonly provenRead: boolean
  /** Ends or undoes a transaction only: never refused or held. */
  readonly alwaysAllowed: boolean
  readonly touches: Touches
  /** Half-open ranges of UTF-8 bytes `[from, to)` of the text that hold literals (strings, numbers in them excluded), ascending: hidden in the log where masked data is touched. */
  readonly literals: readonly (readonly [number, number])[]
  /** Those of the ranges that look like secrets (a password among the arguments): hidden in the log whatever is touched. */
  readonly secrets?: readonly (readonly [number, number])[]
  /** Protocol's own findings that the session needs (e.g. statements of a batch). Structured-cloneable. */
  readonly detail: unknown
  /** Why it is `unrecognised`, for the refusal's text. */
  readonly problem?: string
}

/** What of its input the gateway has seen when the operation is judged. */
export type InputKind = 'none' | 'digest' | 'stream'

/** One command as it is about to run. */
export interface Operation {
  readonly recognition: Recognition
  /** The exact text, shown to approvers (fetched, never stored). */
  readonly text: string
  /** Texts that names within `text` stand for (EXECUTE of what was prepared without being run): recorded and shown with it. */
  readonly standsFor?: readonly Pick<Recognition & { readonly text: string }, 'text' | 'literals' | 'secrets'>[]
  /** Parameters in readable form for approvers and, masked, for the log. Null is SQL NULL or the like; undefined: the protocol has none. */
  readonly parameters?: readonly (string | null)[]
  readonly input: InputKind
  /**
   * Everything that must be the same when it runs, besides principal and connection (which the host adds): text, raw parameters
   * and their types, database, role, search path, settings that change the meaning. Hashed with length prefixes.
   */
  readonly exact: readonly (Uint8Array | string)[]
  /** Why the protocol refuses it whatever policies say: it is recorded as requested and refused, and nobody is asked about it. */
  readonly refusal?: Refusal | undefined
  /** The client can't tell a wait from a hang beyond this; 0: no cap. Holds are capped at this many milliseconds. */
  readonly holdCapMs: number
}

/** Orders classes from harmless to dangerous; the strictest effect names the operation. */
export const strictness: Readonly<Record<ActionClass, number>> = {
  connect: 0, read: 1, transfer: 2, write: 3, forward: 4, execute: 5, schema: 6, administer: 7, unmask: 8, unrecognised: 9,
}
