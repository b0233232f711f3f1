import type { MaskingRuleSpec } from '@sallyport/contracts/masking'
import { columnPatterns, patternsOfColumns, patternsOfTable } from './column-patterns.js'
import { compilePlan } from './compile-plan.js'

export interface Sample {
  /** `schema.table.column`, or only the last part or two of it. */
  readonly column?: string | undefined
  readonly value: string
}

export interface PreviewResult {
  readonly value: string | null
  readonly masked: boolean
  /** What masked it: `column`, detectors' ids, patterns' names. */
  readonly by: string[]
}

const NAME = 'preview'

const namesColumn = (spec: MaskingRuleSpec, column: string): boolean => {
  const parts = column.split('.')
  const named = patternsOfColumns(columnPatterns([{ name: NAME, spec, managedBy: 'api', version: 1 }]), [parts.at(-1) ?? ''])
  return (parts.length < 2 ? named : patternsOfTable(named, { schema: parts.at(-3) ?? null, name: parts.at(-2) ?? '' })).length > 0
}

/** What a rule would make of sample values. Throws when a pattern is not valid. */
export const previewRule = (spec: MaskingRuleSpec, samples: readonly Sample[], hashKey: string): PreviewResult[] => {
  const detection = (detectors: MaskingRuleSpec['detect'], patterns: MaskingRuleSpec['patterns']) => [{ rule: NAME, detectors, patterns, transform: spec.transform }]
  const plan = (of: ReturnType<typeof detection>, mask: boolean) =>
    compilePlan({ revision: 0, hashKey, columnRules: mask, touchesMasked: false, detection: of, outputs: [mask ? { kind: 'mask', rule: NAME, transform: spec.transform } : { kind: 'pass' }] }).outputs[0]?.mask
  const column = plan([], true)
  const content = plan(detection(spec.detect, spec.patterns), false)
  const singly = [
    ...spec.detect.map((id) => ({ by: id as string, mask: plan(detection([id], []), false) })),
    ...spec.patterns.map((pattern) => ({ by: pattern.name, mask: plan(detection([], [pattern]), false) })),
  ]
  return samples.map((sample) => {
    const byColumn = sample.column !== undefined && namesColumn(spec, sample.column)
    const by = [...(byColumn ? ['column'] : []), ...singly.filter(({ mask }) => mask?.apply(sample.value) !== undefined).map(({ by }) => by)]
    const value = (byColumn ? column : content)?.apply(sample.value)
    return { value: value === undefined ? sample.value : value, masked: value !== undefined, by: value === undefined ? [] : by }
  })
}
