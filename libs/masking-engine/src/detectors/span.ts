/** Half-open range of UTF-16 code units of the scanned text. */
export interface Span {
  readonly from: number
  readonly to: number
}

/**
 * Adds what it finds to `found`, in any order, overlaps allowed. `features`: what the survey saw. Linear in the text's length: every loop either moves forward for good
 * or looks back over a bounded number of characters, and regular expressions have bounded quantifiers without nesting.
 */
export type Detector = (text: string, found: Span[], features: number) => void

/** Runs a global regular expression; `accept` changes a match to what is hidden, or refuses it. What is hidden is not searched again. */
export const eachMatch = (pattern: RegExp, text: string, accept: (match: RegExpExecArray, text: string) => Span | undefined, found: Span[]): void => {
  pattern.lastIndex = 0
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const span = accept(match, text)
    if (span !== undefined) found.push(span)
    pattern.lastIndex = Math.max(pattern.lastIndex, span?.to ?? 0, match.index + 1)
  }
}

export const whole = (match: RegExpExecArray): Span => ({ from: match.index, to: match.index + match[0].length })
