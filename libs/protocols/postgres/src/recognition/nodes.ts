/**
 * Access to PostgreSQL's raw parse tree in the JSON form of libpg_query. A node of open type is wrapped in an object whose only key
 * is its type (`{"SelectStmt": {…}}`); where the grammar admits one type only, the node stands bare in its field.
 */
export type Ast = Readonly<Record<string, unknown>>

export interface Typed {
  readonly type: string
  readonly node: Ast
}

export const isAst = (value: unknown): value is Ast => typeof value === 'object' && value !== null && !Array.isArray(value)

export const textOf = (value: unknown): string => typeof value === 'string' ? value : ''

export const listOf = (value: unknown): readonly unknown[] => Array.isArray(value) ? value : []

const upperA = 65
const upperZ = 90

/** The key of an object that has one only. */
const onlyKey = (value: Ast): string | undefined => {
  let only: string | undefined
  for (const key in value) {
    if (only !== undefined) return undefined
    only = key
  }
  return only
}

/** The wrapped node, or undefined when the value is a bare one. */
export const unwrap = (value: unknown): Typed | undefined => {
  if (!isAst(value)) return undefined
  const type = onlyKey(value)
  if (type === undefined) return undefined
  const first = type.charCodeAt(0)
  if (first < upperA || first > upperZ) return undefined
  const node = value[type]
  return isAst(node) ? { type, node } : undefined
}

/** The node of a field when it is wrapped and of the type. */
export const nodeOf = (value: unknown, type: string): Ast | undefined => {
  const typed = unwrap(value)
  return typed?.type === type ? typed.node : undefined
}

/** Types of bare nodes by the field they stand in, where their type matters to recognition. */
const bareTypes: Readonly<Record<string, string>> = {
  relation: 'RangeVar', rel: 'RangeVar', pktable: 'RangeVar', table: 'RangeVar', constrrel: 'RangeVar', sequence: 'RangeVar', view: 'RangeVar',
  typevar: 'RangeVar', identitySequence: 'RangeVar', larg: 'SelectStmt', rarg: 'SelectStmt', base: 'CreateStmt', action: 'GrantStmt',
  setstmt: 'VariableSetStmt', funccall: 'FuncCall', alias: 'Alias', join_using_alias: 'Alias', intoClause: 'IntoClause', into: 'IntoClause',
  withClause: 'WithClause', typeName: 'TypeName', ofTypename: 'TypeName', returnType: 'TypeName', argType: 'TypeName', output: 'JsonOutput',
  onConflictClause: 'OnConflictClause', infer: 'InferClause', returningClause: 'ReturningClause', over: 'WindowDef', pubtable: 'PublicationTable',
}

export const bareType = (field: string, node: Ast): string => typeof node['relname'] === 'string' ? 'RangeVar' : bareTypes[field] ?? ''

/** The name parts in a list of String nodes; a star is `*`. Also through List, TypeName and ObjectWithArgs, as DROP and COMMENT have them. */
export const namesOf = (value: unknown): readonly string[] => {
  const parts: string[] = []
  const pending = [...listOf(value)].reverse()
  while (pending.length > 0) {
    const typed = unwrap(pending.pop())
    if (typed === undefined) continue
    if (typed.type === 'String') parts.push(textOf(typed.node['sval']))
    else if (typed.type === 'A_Star') parts.push('*')
    else if (typed.type === 'List') pending.push(...[...listOf(typed.node['items'])].reverse())
    else if (typed.type === 'TypeName') pending.push(...[...listOf(typed.node['names'])].reverse())
    else if (typed.type === 'ObjectWithArgs') pending.push(...[...listOf(typed.node['objname'])].reverse())
  }
  return parts
}

export const relationName = (range: Ast): string => {
  const schema = textOf(range['schemaname'])
  return schema === '' ? textOf(range['relname']) : `${schema}.${textOf(range['relname'])}`
}

/** The string of a constant, or undefined when the value is no string constant. */
export const stringConstant = (value: unknown): string | undefined => {
  const sval = nodeOf(value, 'A_Const')?.['sval']
  return isAst(sval) ? textOf(sval['sval']) : undefined
}

/** A constant as text (strings, numbers, booleans), or undefined. */
export const constantText = (value: unknown): string | undefined => {
  const constant = nodeOf(value, 'A_Const')
  if (constant === undefined) return undefined
  const { ival, fval, boolval } = constant
  if (isAst(ival)) return String(ival['ival'] ?? 0)
  if (isAst(fval)) return textOf(fval['fval'])
  if (isAst(boolval)) return boolval['boolval'] === true ? 'true' : 'false'
  return stringConstant(value)
}
