import type { DetectorId, MaskPlanReply } from '@sallyport/contracts/masking'
import { customDetector } from './custom-patterns.js'
import { createScanner } from './detectors/detect.js'
import type { Span } from './detectors/span.js'
import { joinHits, type Hit } from './spans.js'
import { compareStrictness, type RuledTransform } from './transforms.js'

export interface Way extends RuledTransform {
  readonly detector?: DetectorId
  readonly pattern?: string
}

/** Each detector once, under the strictest rule that asks for it, and each pattern; strictest first, so that it wins where finds overlap. */
export const waysOf = (detection: MaskPlanReply['detection']): Way[] => {
  const ways = new Map<string, Way>()
  const add = (key: string, way: Way): void => {
    const known = ways.get(key)
    if (known === undefined || compareStrictness(way, known) < 0) ways.set(key, way)
  }
  for (const { rule, detectors, patterns, transform } of detection) {
    for (const detector of detectors) add(detector, { rule, transform, detector })
    for (const { pattern } of patterns) add(`pattern ${pattern}`, { rule, transform, pattern })
  }
  return [...ways.values()].sort(compareStrictness)
}

/** What is found in a text, joined where finds overlap; `by` is an index into the ways. Undefined: nothing. */
export type Finder = (text: string) => Hit[] | undefined

/** Finds what the plan's detection looks for. Throws when a pattern is not valid. */
export const createFinder = (ways: readonly Way[]): Finder => {
  const shipped = ways.flatMap((way, index) => (way.detector === undefined ? [] : [{ id: way.detector, index }]))
  const custom = ways.flatMap((way, index) => (way.pattern === undefined ? [] : [{ find: customDetector(way.pattern), index }]))
  const scan = createScanner(shipped.map(({ id }) => id))
  return (text) => {
    let hits: Hit[] | undefined
    for (const { from, to, by } of scan(text) ?? []) (hits ??= []).push({ from, to, by: shipped[by]!.index })
    for (const { find, index } of custom) {
      const found: Span[] = []
      find(text, found)
      for (const { from, to } of found) (hits ??= []).push({ from, to, by: index })
    }
    return hits === undefined ? undefined : joinHits(hits)
  }
}
