import type { StreamMask, StreamOptions } from './stream-mask.js'

/** Where one output of a result comes from, once the target's catalog was asked. */
export type Origin =
  | { readonly kind: 'column'; readonly names: readonly { readonly schema: string; readonly table: string; readonly column: string }[]; readonly view: boolean }
  | { readonly kind: 'unknown' }

export interface Output {
  readonly name: string
  readonly origin: Origin
}

/** Masks one text value. `null` stands for SQL NULL or the like. */
export interface ValueMask {
  /** The rule's name, for the record of what was masked where. */
  readonly rule: string
  /** Undefined: the value is not touched. Input and output are text; the protocol turns them into the output's wire format, or nulls what doesn't fit its type. */
  apply(value: string): string | null | undefined
  /** What `apply` answers for every value, where it doesn't depend on the value: then the value needn't be read. */
  readonly constant?: string | null
}

/**
 * The plan for one result shape, executed in the protocol session, streaming. `outputs[i]` undefined: the field passes byte for byte.
 * `kind: 'column'`: the whole field is masked whatever it holds. `kind: 'content'`: its text is scanned by detectors.
 */
export interface MaskPlan {
  readonly outputs: readonly (OutputPlan | undefined)[]
  /** Scans free text (error and notice texts, terminal output). Hides quoted values too when the operation touches masked data. */
  freeText(text: string): string
  readonly touchesMasked: boolean
  /** True when no output is masked or scanned: rows pass untouched. */
  readonly passesAll: boolean
  /** A masker for one direction of one byte stream, by the same detectors and transforms as rows. */
  stream(options: StreamOptions): StreamMask
}

export interface OutputPlan {
  readonly kind: 'column' | 'content'
  readonly mask: ValueMask
}
