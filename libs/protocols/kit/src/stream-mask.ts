/**
 * How a byte stream is masked.
 *
 * `hold`: what may wait for more bytes. `'line'`: everything after the last line end, so that the result never depends on how the stream
 * came in pieces (exec output, bodies). `'viable'`: only what looks like the beginning of a match (terminals, where a keystroke's echo
 * must not wait).
 */
export interface StreamOptions {
  readonly hold: 'line' | 'viable'
  /** How long bytes may wait. 20 for output that somebody watches, 100 for bodies. */
  readonly delayMaxMs: number
  /** `'pass'`: a stream whose first 8 KiB show that it is no text goes out untouched. `'mask'`: matches are masked in any bytes. */
  readonly binary: 'pass' | 'mask'
}

/**
 * Masks a byte stream, without clock or I/O of its own. What `write`, `release` and `end` answer may go out now, in this order; it may
 * alias the chunk, which must not be changed any more. After each call ask `holds` and set the timer anew.
 */
export interface StreamMask {
  write(chunk: Uint8Array, nowMs: number): readonly Uint8Array[]
  /** Until when bytes are held back; undefined: none are. */
  holds(): number | undefined
  /** Lets go of what was held up to its deadline; nothing before it. */
  release(nowMs: number): readonly Uint8Array[]
  /** The stream's end: lets go of everything. */
  end(): readonly Uint8Array[]
  /** How many matches were masked, by rule. */
  readonly counts: ReadonlyMap<string, number>
}

const nothing: readonly Uint8Array[] = []

/** A stream that nothing masks. */
export const passThrough = (): StreamMask => ({
  write: (chunk) => [chunk],
  holds: () => undefined,
  release: () => nothing,
  end: () => nothing,
  counts: new Map(),
})
