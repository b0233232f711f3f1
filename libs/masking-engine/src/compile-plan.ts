import type { MaskPlanReply } from '@sallyport/contracts/masking'
import { passThrough, type MaskPlan, type OutputPlan, type ValueMask } from '@sallyport/protocol-kit'
import { createFinder, waysOf, type Finder, type Way } from './finder.js'
import { valueSpans } from './free-text.js'
import { HIDDEN, placeholderOf } from './placeholder.js'
import { joinHits, replaceHits } from './spans.js'
import { createStreamMask } from './stream/stream-mask.js'
import { streamRules, type StreamRules } from './stream/stream-rules.js'
import { constantOf, transformer, type RuledTransform } from './transforms.js'

/** Masks a whole field, whatever it holds. */
const columnMask = (ruled: RuledTransform, key: Uint8Array): OutputPlan => {
  const constant = constantOf(ruled)
  return { kind: 'column', mask: { rule: ruled.rule, apply: transformer(ruled, key), ...(constant === undefined ? {} : { constant }) } }
}

/**
 * Masks what is found in a field and keeps the rest. With several rules, `rule` names the strictest that took part in the last `apply`,
 * so it must be read before the next one. A find under a `null` transform nulls the field.
 */
const contentMask = (ways: readonly Way[], find: Finder, replacements: readonly ((text: string) => string | null)[]): ValueMask => {
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
  let rules: StreamRules | undefined
  return {
    outputs,
    freeText,
    touchesMasked: reply.touchesMasked,
    passesAll: outputs.every((output) => output === undefined),
    stream: (options) => (ways.length === 0 ? passThrough() : createStreamMask((rules ??= streamRules(ways, find, replacements)), options)),
  }
}
