import type { MaskingRule, MaskPlanReply, PlanRequest } from '@sallyport/contracts/masking'
import { columnPatterns, namedPatterns, patternsOfColumns, patternsOfTable, type ColumnPattern } from './column-patterns.js'
import { rulesFor } from './rules.js'
import { strictest, type RuledTransform } from './transforms.js'

export type PlanDecision = Omit<MaskPlanReply, 'revision' | 'hashKey'>
type Output = PlanRequest['outputs'][number]

const ruled = ({ rule }: ColumnPattern): RuledTransform => ({ rule: rule.name, transform: rule.spec.transform })

/** A view's column known under the view's own name only, of a view about which no lineage is known either: anything may be behind it. */
const isBlindView = ({ origin }: Output, { touches }: PlanRequest): boolean => {
  if (origin.kind !== 'column' || !origin.view || origin.names.length > 1) return false
  const { schema, table } = origin.names[0]!
  return !touches.relations.some((relation) => relation.lineage !== undefined && relation.name === table && (relation.schema === null || relation.schema === schema))
}

/** Patterns that the operation reads, or can't be shown not to read. `named`: those that name each output's origin. */
const touchedPatterns = (patterns: readonly ColumnPattern[], request: PlanRequest, named: readonly (readonly ColumnPattern[])[]): readonly ColumnPattern[] => {
  const { touches, outputs } = request
  if (touches.opaque || outputs.some((output) => isBlindView(output, request))) return patterns
  const byColumn = touches.everything ? patterns : patternsOfColumns(patterns, touches.columns)
  const touched = new Set<ColumnPattern>(named.flat())
  for (const relation of touches.relations) {
    for (const pattern of patternsOfTable(byColumn, relation)) touched.add(pattern)
    for (const base of relation.lineage ?? []) {
      const using = base.columns === undefined ? patterns : patternsOfColumns(patterns, base.columns)
      for (const pattern of patternsOfTable(using, base)) touched.add(pattern)
    }
  }
  return patterns.filter((pattern) => touched.has(pattern))
}

/**
 * What happens to each output of an operation, with column rules in force:
 *
 * | output | operation untouched | operation touched |
 * |---|---|---|
 * | a column that a rule names, by any of its names | (touches by that) | the strictest of these rules' transforms |
 * | a table's column that no rule names | pass | pass |
 * | a view's column with its base columns known, none of them named | pass | pass |
 * | a view's column, its base columns not known | pass | null |
 * | unknown: an expression, a whole row, a function's result | pass | null |
 *
 * An operation is touched when
 * - it is `opaque`: something in it could return anything; or
 * - a relation fits a pattern's table (a schema that isn't resolved fits any), and a column of the pattern's name stands anywhere in the
 *   statement, or `everything` is read; or
 * - a pattern's table is in a relation's lineage with a column of its name, or with columns unknown; or
 * - an output's origin is a column that a rule names; or
 * - an output is a view's column, and neither its base columns nor the view's lineage are known (an empty lineage is known).
 *
 * Without column rules nothing is touched and everything passes. Detectors run over what passes in any case.
 */
export const planFor = (rules: readonly MaskingRule[], request: PlanRequest): PlanDecision => {
  const inForce = rulesFor(rules, request.connection, request.principal)
  const patterns = columnPatterns(inForce)
  const patternsOf = namedPatterns(patterns)
  const named = request.outputs.map(({ origin }) => (origin.kind === 'column' ? patternsOf(origin.names) : []))
  const touched = touchedPatterns(patterns, request, named)
  const otherwise: MaskPlanReply['outputs'][number] = touched[0] === undefined ? { kind: 'pass' } : { kind: 'mask', rule: touched[0].rule.name, transform: { kind: 'null' } }
  const outputs = request.outputs.map(({ origin }, index): MaskPlanReply['outputs'][number] => {
    if (origin.kind === 'unknown') return otherwise
    const mask = strictest(named[index]!.map(ruled))
    if (mask !== undefined) return { kind: 'mask', ...mask }
    return origin.view && origin.names.length === 1 ? otherwise : { kind: 'pass' }
  })
  return {
    outputs,
    detection: inForce.filter(({ spec }) => spec.detect.length + spec.patterns.length > 0)
      .map(({ name, spec }) => ({ rule: name, detectors: [...new Set(spec.detect)], patterns: spec.patterns, transform: spec.transform })),
    touchesMasked: touched.length > 0,
    columnRules: patterns.length > 0,
  }
}
