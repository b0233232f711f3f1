import type { MaskingRule } from '@sallyport/contracts/masking'

/** One part of a pattern against one name; `*` stands for any run of characters. Greedy with one step back: linear in name × pattern. */
const globMatches = (pattern: string, name: string): boolean => {
  let at = 0
  let part = 0
  let star = -1
  let retry = 0
  while (at < name.length) {
    if (pattern[part] === '*') {
      star = part
      retry = at
      part += 1
    } else if (pattern[part] === name[at]) {
      part += 1
      at += 1
    } else if (star !== -1) {
      part = star + 1
      retry += 1
      at = retry
    } else return false
  }
  while (pattern[part] === '*') part += 1
  return part === pattern.length
}

/** A name, and the same in lower case, made once. */
interface Folded {
  readonly text: string
  readonly lower: string
}

interface Part extends Folded {
  readonly wild: boolean
}

const fold = (text: string): Folded => ({ text, lower: text.toLowerCase() })
const part = (text: string): Part => ({ ...fold(text), wild: text.includes('*') })

/**
 * PostgreSQL folds names that aren't quoted and keeps those that are, and a rule's author may have written either: a pattern matches a
 * name when it does as written or in lower case.
 */
const partMatches = (pattern: Part, name: Folded): boolean =>
  pattern.wild
    ? pattern.text === '*' || globMatches(pattern.text, name.text) || globMatches(pattern.lower, name.lower)
    : pattern.text === name.text || pattern.lower === name.lower

export interface ColumnPattern {
  readonly rule: MaskingRule
  readonly schema: Part
  readonly table: Part
  readonly column: Part
}

/** The column patterns of rules, in the rules' order. */
export const columnPatterns = (rules: readonly MaskingRule[]): ColumnPattern[] =>
  rules.flatMap((rule) => rule.spec.columns.map((pattern) => {
    const [schema = '*', table = '*', column = '*'] = pattern.split('.')
    return { rule, schema: part(schema), table: part(table), column: part(column) }
  }))

/** Patterns whose table a relation is; `schema` null: not resolved, it may be any. */
export const patternsOfTable = (patterns: readonly ColumnPattern[], relation: { readonly schema: string | null; readonly name: string }): ColumnPattern[] => {
  const table = fold(relation.name)
  const schema = relation.schema === null ? undefined : fold(relation.schema)
  return patterns.filter((pattern) => partMatches(pattern.table, table) && (schema === undefined || partMatches(pattern.schema, schema)))
}

/** Patterns that name one of these columns, in whatever table. */
export const patternsOfColumns = (patterns: readonly ColumnPattern[], columns: readonly string[]): ColumnPattern[] => {
  const names = columns.map(fold)
  return patterns.filter(({ column }) => names.some((name) => partMatches(column, name)))
}

type Name = { readonly schema: string; readonly table: string; readonly column: string }

/** Finds the patterns that name a column by one of its names, looking at each table once however many columns are asked for. */
export const namedPatterns = (patterns: readonly ColumnPattern[]): ((names: readonly Name[]) => ColumnPattern[]) => {
  const tables = new Map<string, readonly ColumnPattern[]>()
  const ofTable = (schema: string, name: string): readonly ColumnPattern[] => {
    const key = JSON.stringify([schema, name])
    const known = tables.get(key) ?? patternsOfTable(patterns, { schema, name })
    tables.set(key, known)
    return known
  }
  return (names) => names.flatMap(({ schema, table, column }) => patternsOfColumns(ofTable(schema, table), [column]))
}
