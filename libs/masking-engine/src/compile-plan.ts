import type { DetectorId, MaskPlanReply } from '@sallyport/contracts/masking'
import type { MaskPlan, OutputPlan, ValueMask } from '@sallyport/protocol-kit'
import { customDetector } from './custom-patterns.js'
import { createScanner } from './detectors/detect.js'
import type { Span } from './detectors/span.js'
import { valueSpans } from './free-text.js'
import { HIDDEN, placeholderOf } from './placeholder.js'
import { joinHits, replaceHits, type Hit } from './spans.js'
import { compareStrictness, constantOf, transformer, type RuledTransform } from './transforms.js'

interface Way extends RuledTransform {
  readonly detector?: DetectorId
  readonly pattern?: string
}

/** Each detector once, under the strictest rule that asks for it, and each pattern; strictest first, so that it wins where finds overlap. */
const waysOf = (detection: MaskPlanReply['detection']): Way[] => {
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

/** Finds what the plan's detection looks for, as indexes into `ways`. Undefined: nothing. */
const createFinder = (ways: readonly Way[]): ((text: string) => Hit[] | undefined) => {
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

/** Masks a whole field, whatever it holds. */
const columnMask = (ruled: RuledTransform, key: Uint8Array): OutputPlan => {
  const constant = constantOf(ruled)
  return { kind: 'column', mask: { rule: ruled.rule, apply: transformer(ruled, key), ...(constant === undefined ? {} : { constant }) } }
}

/**
 * Masks what is found in a field and keeps the rest. With several rules, `rule` names the strictest that took part in the last `apply`,
 * so it must be read before the next one. A find under a `null` transform nulls the field.
 */
const contentMask = (ways: readonly Way[], find: (text: string) => Hit[] | undefined, replacements: readonly ((text: string) => string | null)[]): ValueMask => {
  const mask = {
    rule: ways[0]!.rule,
    apply: (value: string): string | null | undefined => {
      const hits = find(value)
      if (hits === undefined) return undefined
      const strictest = hits.reduce((least, { by }) => Math.min(least, by), ways.length)
      mask.rule = ways[strictest]!.rule
      return ways[strictest]!.transform.kind === 'null' ? null : replaceHits(value, hits, (part, by) => replacements[by]!(part) ?? '')
    },
  }
  return mask
}

/**
 * Compiles the answer of the masking service to what a protocol session executes for each value. Throws when a pattern is not valid;
 * the service refuses such rules, so then nothing may be delivered.
 */
export const compilePlan = (reply: MaskPlanReply): MaskPlan => {
  const key = Buffer.from(reply.hashKey, 'base64')
  const ways = waysOf(reply.detection)
  const find = createFinder(ways)
  const replacements = ways.map((way) => transformer(way, key))
  const content: OutputPlan | undefined = ways.length === 0 ? undefined : { kind: 'content', mask: contentMask(ways, find, replacements) }
  const outputs = reply.outputs.map((output) => {
    switch (output.kind) {
      case 'pass': return content
      case 'mask': return columnMask(output, key)
      default: return output satisfies never
    }
  })
  const freeText = (text: string): string => {
    const found = find(text) ?? []
    // Hidden values rank before everything found in them.
    const hidden = reply.touchesMasked ? valueSpans(text).map((span) => ({ ...span, by: -1 })) : []
    if (found.length + hidden.length === 0) return text
    return replaceHits(text, joinHits([...found, ...hidden]), (part, by) => (by === -1 ? HIDDEN : replacements[by]!(part) ?? placeholderOf(ways[by]!.rule)))
  }
  return { outputs, freeText, touchesMasked: reply.touchesMasked, passesAll: outputs.every((output) => output === undefined) }
}
