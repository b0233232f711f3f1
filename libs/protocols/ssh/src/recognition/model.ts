/** A half-open range of UTF-16 units of the whole text. */
export type Span = readonly [from: number, to: number]

/**
 * One word after quote removal, as far as it is known. `literal`: exactly `text`. `pattern`: `text` is a file name pattern, it may become several words.
 * `dynamic`: something in it is only known when it runs; `text` is what is literal before that.
 */
export interface Word {
  readonly kind: 'literal' | 'pattern' | 'dynamic'
  readonly text: string
  /** As written. */
  readonly source: string
  readonly span: Span
}

export interface Assignment {
  readonly name: string
  /** Undefined for an array, an array's element, and what is appended. */
  readonly value: Word | undefined
  readonly span: Span
}

/** `duplicate` is `>&1` and the like, `text` a here-document or here-string. */
export interface Redirection {
  readonly kind: 'read' | 'write' | 'both' | 'duplicate' | 'text'
  /** As written: `>`, `>>`, `<`, `<>`, `<&`, `>&`, `>|`, `&>`, `&>>`, `<<`, `<<<`. */
  readonly operator: string
  /** The file, the descriptor, or for a here-string its text. Undefined for a here-document. */
  readonly target: Word | undefined
  /** Text of a here-document or here-string that has no expansion. */
  readonly body?: string
  /** Where a here-document's text stands. */
  readonly bodySpan?: Span
}

/** A command with its redirections; without words it is assignments or redirections alone. */
export interface SimpleCommand {
  readonly words: readonly Word[]
  readonly assignments: readonly Assignment[]
  readonly redirections: readonly Redirection[]
  readonly background: boolean
  /** Reads what another command of a pipeline writes. */
  readonly piped: boolean
  /** Where the whole line's own shell runs it: not in a subshell, pipeline, substitution or the background. */
  readonly inShell: boolean
  /** Not a command but a construct that runs or computes something itself, e.g. `[[`, `((`, `function`. */
  readonly construct: boolean
  /** Offset in the whole text. */
  readonly at: number
}

export interface ShellText {
  readonly commands: readonly SimpleCommand[]
  /** Names of functions that it defines. */
  readonly functions: readonly string[]
  /** A here-document's end is missing: shells run it all the same, with a warning or without. */
  readonly openHereDocument: boolean
}

export type Parsed = { readonly kind: 'shell'; readonly shell: ShellText } | { readonly kind: 'problem'; readonly problem: string }
