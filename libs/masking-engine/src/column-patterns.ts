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

/**
 * PostgreSQL folds names that aren't quoted and keeps those that are, and a rule's author may have written either: a pattern matches a
 * name when it does as written or in lower case.
 */
const partMatches = (pattern: string, name: string): boolean =>
  pattern === '*' || globMatches(pattern, name) || globMatches(pattern.toLowerCase(), name.toLowerCase())

export interface ColumnPattern {
  readonly rule: MaskingRule
  readonly schema: string
  readonly table: string
  readonly column: string
}

/** The column patterns of rules, in the rules' order. */
export const columnPatterns = (rules: readonly MaskingRule[]): ColumnPattern[] =>
  rules.flatMap((rule) => rule.spec.columns.map((pattern) => {
    const [schema = '*', table = '*', column = '*'] = pattern.split('.')
    return { rule, schema, table, column }
  }))

/** `schema` null: not resolved, it may be any. */
export const matchesTable = (pattern: ColumnPattern, relation: { readonly schema: string | null; readonly name: string }): boolean =>
  (relation.schema === null || partMatches(pattern.schema, relation.schema)) && partMatches(pattern.table, relation.name)

export const matchesColumn = (pattern: ColumnPattern, column: string): boolean => partMatches(pattern.column, column)

export const matchesName = (pattern: ColumnPattern, name: { readonly schema: string; readonly table: string; readonly column: string }): boolean =>
  partMatches(pattern.column, name.column) && partMatches(pattern.table, name.table) && partMatches(pattern.schema, name.schema)
