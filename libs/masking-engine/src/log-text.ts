import { detectorIds, type MaskPlanReply } from '@sallyport/contracts/masking'
import { customDetector } from './custom-patterns.js'
import { createScanner } from './detectors/detect.js'
import type { Span } from './detectors/span.js'
import { HIDDEN, placeholderOf } from './placeholder.js'
import { joinHits, replaceHits, type Hit } from './spans.js'

/** Half-open ranges `[from, to)` of UTF-8 bytes, ascending. */
export type ByteRanges = readonly (readonly [number, number])[]
type Plan = Pick<MaskPlanReply, 'detection' | 'touchesMasked'>

const scanAll = createScanner(detectorIds)
const placeholders = detectorIds.map((id) => placeholderOf(id.replaceAll('_', '-')))

const bytesOf = (code: number): number => (code < 0x80 ? 1 : code < 0x800 ? 2 : 3)

/** The ranges in UTF-16 code units, widened to whole characters; undefined when they don't fit the text. */
const toUnits = (text: string, ranges: ByteRanges): Span[] | undefined => {
  const spans: Span[] = []
  let index = 0
  let bytes = 0
  let before = 0
  /** Position of the first character that starts at or after a byte (`up`), or of the one that holds it. */
  const advance = (target: number, up: boolean): number => {
    while (index < text.length && bytes < target) {
      const code = text.charCodeAt(index)
      const pair = code >= 0xd800 && code <= 0xdbff && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00
      const width = pair ? 4 : bytesOf(code)
      if (!up && bytes + width > target) break
      bytes += width
      index += pair ? 2 : 1
    }
    return index
  }
  for (const [from, to] of ranges) {
    if (from < before || to < from) return undefined
    const start = advance(from, false)
    const end = advance(to, true)
    if (bytes < to) return undefined
    spans.push({ from: start, to: end })
    before = to
  }
  return spans
}

/** Replaces byte ranges of a statement. Ranges that don't fit the text hide all of it: better nothing than the wrong half. */
export const hideLiterals = (text: string, ranges: ByteRanges, placeholder: string): string => {
  const spans = toUnits(text, ranges)
  return spans === undefined ? placeholder : replaceHits(text, joinHits(spans.map((span) => ({ ...span, by: 0 }))), () => placeholder)
}

const quoteMark = /'|\$[A-Za-z_0-9]*\$/

/** A statement without known literals: one that wasn't understood has its values behind the first quotation mark. */
const withoutLiterals = (text: string): Span[] => {
  const from = text.search(quoteMark)
  return from === -1 ? [] : [{ from, to: text.length }]
}

const LITERAL = -1
const PATTERN = detectorIds.length

/** Everything any shipped detector or any pattern of the plan finds. */
const secretsIn = ({ detection }: Plan, text: string): Hit[] => {
  const hits: Hit[] = [...(scanAll(text) ?? [])]
  const found: Span[] = []
  for (const { patterns } of detection) for (const { pattern } of patterns) customDetector(pattern)(text, found)
  for (const span of found) hits.push({ ...span, by: PATTERN })
  return hits
}

/**
 * A statement as the log may hold it. Every shipped detector runs whatever the rules say, for the log is not a secret store; where masked
 * data is touched, every literal is hidden too. `literals` that don't fit the text hide all of it. Mask first, cut to length afterwards.
 */
export const maskLogText = (plan: Plan, text: string, literals: ByteRanges, touchesMasked: boolean): string => {
  const hits = secretsIn(plan, text)
  if (touchesMasked) {
    const spans = literals.length === 0 ? withoutLiterals(text) : toUnits(text, literals)
    if (spans === undefined) return HIDDEN
    for (const span of spans) hits.push({ ...span, by: LITERAL })
  }
  if (hits.length === 0) return text
  return replaceHits(text, joinHits(hits), (_, by) => (by === LITERAL ? `'${HIDDEN}'` : placeholders[by] ?? HIDDEN))
}

/** Too short to tell anything about anybody: truth values, and integers of up to eleven digits. */
const harmless = /^(?:t|f|true|false|-?\d{1,11})$/

/** A parameter as the log may hold it: hidden where masked data is touched, unless it is a truth value or a short integer. */
export const maskLogParameter = (plan: Plan, value: string): string => {
  if (plan.touchesMasked) return harmless.test(value) ? value : HIDDEN
  const hits = secretsIn(plan, value)
  return hits.length === 0 ? value : replaceHits(value, joinHits(hits), (_, by) => placeholders[by] ?? HIDDEN)
}
