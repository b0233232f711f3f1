import { functionKind, isBuiltinOperator, isBuiltinType, resultColumns, wholeRowFunctions } from './builtin-functions.js'
import type { Findings } from './findings.js'
import { type Ast, isAst, listOf, namesOf, relationName, textOf, nodeOf } from './nodes.js'
import { recogniseSetConfig } from './setting-effects.js'
import { ruleOf } from './statements.js'
import { type Frame, inScope } from './walk.js'

/** Thrown when the tree holds a statement that has no rule. */
export class UnknownStatementError extends Error {
  readonly code = 'unknown_statement'
}

const fromFields = new Set(['fromClause', 'usingClause', 'sourceRelation'])
/** Places where a relation is named but not read. */
const namingParents = new Set(['IntoClause', 'TableLikeClause', 'Constraint', 'VacuumRelation', 'PartitionCmd', 'PublicationTable', 'PublicationObjSpec', 'ColumnDef'])

const isRead = (frame: Frame): boolean => {
  const parent = frame.parent?.type ?? ''
  if (parent.endsWith('Stmt')) return fromFields.has(frame.field)
  return !namingParents.has(parent)
}

const relation = (frame: Frame, found: Findings): void => {
  // FOR UPDATE OF names entries of FROM by their alias.
  if (frame.field === 'lockedRels') return
  const { node } = frame
  const name = textOf(node['relname'])
  const schema = textOf(node['schemaname'])
  const read = isRead(frame)
  found.aliases.add(name)
  if (read && schema === '' && inScope(frame.scope, name)) return
  const full = relationName(node)
  found.relations.set(full, { schema: schema === '' ? null : schema, name })
  if (schema !== '') found.schemas.add(schema)
  if (read) found.reads.add(full)
  if (isAst(node['alias']) && listOf(node['alias']['colnames']).length > 0) found.everything = true
}

const columnReference = (node: Ast, found: Findings): void => {
  const fields = namesOf(node['fields'])
  const last = fields.at(-1)
  if (last === undefined) return
  if (last === '*') {
    found.everything = true
    return
  }
  found.references += 1
  found.columns.add(last)
  if (fields.length === 1) found.bareReferences.add(last)
  else {
    if (wholeRowFunctions.has(last)) found.everything = true
    addTo(found.qualified, fields.at(-2) ?? '', [last])
  }
}

const addTo = (map: Map<string, Set<string>>, key: string, names: readonly string[]): void => {
  const known = map.get(key)
  if (known === undefined) map.set(key, new Set(names))
  else for (const name of names) known.add(name)
}

const functionInFrom = (node: Ast, found: Findings): void => {
  const alias = isAst(node['alias']) ? node['alias'] : undefined
  const declared = ['ordinality', ...namesOf(alias?.['colnames']), ...columnNames(node['coldeflist'])]
  const names: string[] = []
  for (const item of listOf(node['functions'])) {
    const [call, columns] = listOf(nodeOf(item, 'List')?.['items'])
    const name = namesOf(nodeOf(call, 'FuncCall')?.['funcname']).at(-1) ?? ''
    names.push(name)
    declared.push(...(resultColumns.get(name) ?? []), ...columnNames(columns))
  }
  for (const name of alias === undefined ? names : [textOf(alias['aliasname'])]) addTo(found.fromFunctions, name, [name, ...names, ...declared])
}

const columnNames = (definitions: unknown): readonly string[] =>
  listOf(nodeOf(definitions, 'List')?.['items'] ?? definitions).map((item) => textOf(nodeOf(item, 'ColumnDef')?.['colname'])).filter((name) => name !== '')

/**
 * `s.name`, where `s` is a function in FROM that gives a scalar, calls the function of that name with it when it has no such column:
 * `select s.pg_read_file from lower('/etc/passwd') s`.
 */
export const callsOfScalars = (found: Findings): void => {
  for (const [name, declared] of found.fromFunctions) {
    for (const column of found.qualified.get(name) ?? []) {
      if (column !== '*' && !declared.has(column)) called([column], found)
    }
  }
}

const called = (parts: readonly string[], found: Findings): void => {
  const kind = functionKind(parts, found.trust)
  if (kind === 'server') found.serverFunctions.add(parts.join('.'))
  else if (kind === 'unknown') found.functions.add(parts.join('.'))
}

const call = (frame: Frame, found: Findings): void => {
  if (frame.field === 'funccall' || recogniseSetConfig(frame.node, found, frame)) return
  called(namesOf(frame.node['funcname']), found)
}

const operator = (names: readonly string[], found: Findings): void => {
  if (names.length > 0 && !isBuiltinOperator(names, found.trust)) found.operators.add(names.join('.'))
}

/** Nodes whose type is applied to a value; in other places (columns of a new table, a function's arguments) it is only named. */
const castParents = new Set(['TypeCast', 'JsonOutput', 'XmlSerialize', 'JsonTableColumn', 'RangeTableFuncCol', 'PrepareStmt'])

const typeName = (frame: Frame, found: Findings): void => {
  const parent = frame.parent
  const applied = castParents.has(parent?.type ?? '') || (parent?.type === 'ColumnDef' && parent.parent?.type === 'RangeFunction')
  const names = namesOf(frame.node['names'])
  if (applied && !isBuiltinType(names, found.trust)) found.types.add(names.join('.'))
}

const join = (node: Ast, found: Findings): void => {
  if (node['isNatural'] === true || (isAst(node['alias']) && listOf(node['alias']['colnames']).length > 0)) found.everything = true
  for (const column of namesOf(node['usingClause'])) found.columns.add(column)
}

const assigns = (frame: Frame): boolean =>
  frame.field === 'cols' || (frame.field === 'targetList' && ['UpdateStmt', 'OnConflictClause', 'MergeWhenClause'].includes(frame.parent?.type ?? ''))

/**
 * `(expression).name` is a field, or a call of the function of that name: `('/etc/passwd').pg_read_file` works. Only the catalog could tell,
 * so it is both.
 */
const indirection = (node: Ast, found: Findings): void => {
  const results = resultColumns.get(namesOf(nodeOf(node['arg'], 'FuncCall')?.['funcname']).at(-1) ?? '')
  for (const name of namesOf(node['indirection'])) {
    if (name === '*' || wholeRowFunctions.has(name)) found.everything = true
    if (name === '*') continue
    found.columns.add(name)
    if (results?.includes(name) !== true) called([name], found)
  }
}

const sampling = (node: Ast, found: Findings): void => {
  const method = namesOf(node['method']).join('.')
  if (!['bernoulli', 'system', 'pg_catalog.bernoulli', 'pg_catalog.system'].includes(method)) found.functions.add(method)
}

/** Gathers what one node says. */
export const collect = (frame: Frame, found: Findings): void => {
  const rule = ruleOf(frame.type)
  if (rule === 'unknown') throw new UnknownStatementError(`no rule for ${frame.type}`)
  rule?.(frame.node, found, frame)
  const { node } = frame
  switch (frame.type) {
    case 'RangeVar': return relation(frame, found)
    case 'ColumnRef': return columnReference(node, found)
    case 'FuncCall': return call(frame, found)
    case 'A_Expr':
      // BETWEEN and its kin have words for a name, and mean the built-in comparisons' symbols.
      return textOf(node['kind']).includes('BETWEEN') ? undefined : operator(namesOf(node['name']), found)
    case 'SubLink': return operator(namesOf(node['operName']), found)
    case 'SortBy': return operator(namesOf(node['useOp']), found)
    case 'TypeName': return typeName(frame, found)
    case 'JoinExpr': return join(node, found)
    case 'A_Indirection': return indirection(node, found)
    case 'RangeFunction': return functionInFrom(node, found)
    case 'RangeTableSample': return sampling(node, found)
    case 'Alias':
      found.aliases.add(textOf(node['aliasname']))
      return
    case 'CommonTableExpr':
      found.aliases.add(textOf(node['ctename']))
      return
    case 'IndexElem':
      if (typeof node['name'] === 'string') found.columns.add(node['name'])
      return
    case 'ResTarget':
      if (assigns(frame)) found.assigned.add(textOf(node['name']))
      return
    case 'ReturningOption':
      // RETURNING WITH (OLD AS o): the name stands for a whole row.
      found.aliases.add(textOf(node['value']))
      return
    default:
  }
}

/** References of one part that name a relation or an alias are whole rows. */
export const readsWholeRow = (found: Findings): boolean => [...found.bareReferences].some((name) => found.aliases.has(name) || name === 'old' || name === 'new' || name === 'excluded')

