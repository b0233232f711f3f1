import type { MaskingRule, MaskPlanReply, PlanRequest } from '@sallyport/contracts/masking'
import { columnPatterns, matchesColumn, matchesName, matchesTable, type ColumnPattern } from './column-patterns.js'
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

/** Patterns that the operation reads, or can't be shown not to read. */
const touchedPatterns = (patterns: readonly ColumnPattern[], request: PlanRequest): readonly ColumnPattern[] => {
  const { touches, outputs } = request
  if (touches.opaque || outputs.some((output) => isBlindView(output, request))) return patterns
  const named = (pattern: ColumnPattern): boolean => touches.everything || touches.columns.some((column) => matchesColumn(pattern, column))
  const lineages = touches.relations.flatMap(({ lineage }) => lineage ?? [])
  return patterns.filter((pattern) =>
    touches.relations.some((relation) => matchesTable(pattern, relation) && named(pattern))
    || lineages.some((base) => matchesTable(pattern, base) && (base.columns === undefined || base.columns.some((column) => matchesColumn(pattern, column))))
    || outputs.some(({ origin }) => origin.kind === 'column' && origin.names.some((name) => matchesName(pattern, name))))
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
  const touched = touchedPatterns(patterns, request)
  const otherwise: MaskPlanReply['outputs'][number] = touched[0] === undefined ? { kind: 'pass' } : { kind: 'mask', rule: touched[0].rule.name, transform: { kind: 'null' } }
  const outputs = request.outputs.map(({ origin }): MaskPlanReply['outputs'][number] => {
    if (origin.kind === 'unknown') return otherwise
    const mask = strictest(patterns.filter((pattern) => origin.names.some((name) => matchesName(pattern, name))).map(ruled))
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
