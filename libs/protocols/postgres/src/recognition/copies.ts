import { functionKind, isMovingSequences, wholeRowFunctions, type Trust } from './builtin-functions.js'
import type { Copies } from './detail.js'
import type { Findings } from './findings.js'
import { type Ast, isAst, listOf, namesOf, nodeOf, relationName, textOf, unwrap } from './nodes.js'
import { isRevealing } from '../revealing.js'
import { type Frame, inScope, walk } from './walk.js'

/**
 * What a statement reads into a place that keeps it: into a table, a file of the server, under another name. Everything within such a
 * query counts, its conditions too: what a condition compares can be written out value by value.
 */
interface Source {
  readonly schema: string | null
  readonly name: string
  readonly columns: Set<string>
  everything: boolean
  moved: boolean
}

interface Reference {
  readonly qualifier: string | undefined
  /** `*`: all of them. */
  readonly column: string
}

interface Gathered {
  /** Nodes within which everything is copied. */
  readonly roots: Set<Ast>
  readonly sources: Map<string, Source>
  /** What an alias or a relation's own name stands for, wherever it does. */
  readonly byAlias: Map<string, Set<Source>>
  /** Aliases of joins: any relation's columns. */
  readonly joins: Set<string>
  readonly references: Reference[]
  opaque: boolean
  executes: boolean
}

const inner = (value: unknown): Ast | undefined => unwrap(value)?.node ?? (isAst(value) ? value : undefined)

interface Expression {
  readonly references: (readonly string[])[]
  queries: boolean
  calls: boolean
}

const expressionIn = (value: unknown): Expression => {
  const found: Expression = { references: [], queries: false, calls: false }
  const pending: unknown[] = [value]
  while (pending.length > 0) {
    const next = pending.pop()
    if (Array.isArray(next)) {
      for (const item of next) pending.push(item)
      continue
    }
    if (!isAst(next)) continue
    if ('SubLink' in next) found.queries = true
    if ('FuncCall' in next) found.calls = true
    const reference = nodeOf(next, 'ColumnRef')
    if (reference === undefined) for (const key in next) pending.push(next[key])
    else found.references.push(namesOf(reference['fields']))
  }
  return found
}

interface Target {
  readonly relation: unknown
  /** Names that stand for rows which the statement itself brings. */
  readonly brought: readonly string[]
}

const targetNames = ({ relation }: Target): readonly string[] => {
  const node = inner(relation)
  const alias = isAst(node?.['alias']) ? textOf(node['alias']['aliasname']) : ''
  return alias === '' ? [textOf(node?.['relname'])] : [alias]
}

type Reach = 'nothing' | 'call' | 'row' | 'query'

/**
 * How far an assignment reaches: to nothing but the column itself (`visits + 1`) or the new row, into a function, to other columns of the row, or into a query.
 * A column's own value stays where its rule is.
 */
const reachOf = (own: string, value: unknown, target: Target): Reach => {
  const { references, queries, calls } = expressionIn(value)
  if (queries) return 'query'
  const names = targetNames(target)
  const stays = (fields: readonly string[]): boolean => {
    const [first = '', second] = fields
    if (fields.length === 1) return first === own
    return fields.length === 2 && ((names.includes(first) && second === own) || (target.brought.includes(first) && !names.includes(first) && second !== '*'))
  }
  if (nodeOf(value, 'MultiAssignRef') === undefined ? !references.every(stays) : references.length > 0) return 'row'
  return calls ? 'call' : 'nothing'
}

const addRoots = (gathered: Gathered, values: unknown): void => {
  for (const value of Array.isArray(values) ? values : [values]) {
    const node = inner(value)
    if (node !== undefined) gathered.roots.add(node)
  }
}

const sourceOf = (gathered: Gathered, range: unknown, under: readonly string[] = []): Source | undefined => {
  const node = inner(range)
  if (node === undefined || typeof node['relname'] !== 'string') return undefined
  const full = relationName(node)
  const schema = textOf(node['schemaname'])
  const source = gathered.sources.get(full) ?? { schema: schema === '' ? null : schema, name: node['relname'], columns: new Set<string>(), everything: false, moved: false }
  gathered.sources.set(full, source)
  const alias = isAst(node['alias']) ? node['alias'] : undefined
  if (listOf(alias?.['colnames']).length > 0) source.everything = true
  for (const name of [alias === undefined ? source.name : textOf(alias['aliasname']), ...under]) {
    const known = gathered.byAlias.get(name)
    if (known === undefined) gathered.byAlias.set(name, new Set([source]))
    else known.add(source)
  }
  return source
}

const reaches = (assignment: unknown, target: Target): Reach => {
  const node = nodeOf(assignment, 'ResTarget')
  return reachOf(textOf(node?.['name']), node?.['val'], target)
}

const assignments = (gathered: Gathered, node: Ast, values: readonly unknown[], target: Target): void => {
  const reached = values.map((value) => reaches(value, target))
  for (const [index, value] of values.entries()) if (reached[index] !== 'nothing') addRoots(gathered, value)
  if (!reached.some((reach) => reach === 'row' || reach === 'query')) return
  sourceOf(gathered, target.relation)
  if (reached.includes('query') || listOf(node['fromClause']).length > 0) for (const field of ['fromClause', 'whereClause']) addRoots(gathered, node[field])
}

const insert = (node: Ast, gathered: Gathered): void => {
  addRoots(gathered, node['selectStmt'])
  const conflict = isAst(node['onConflictClause']) ? node['onConflictClause'] : {}
  assignments(gathered, { whereClause: conflict['whereClause'] }, listOf(conflict['targetList']), { relation: node['relation'], brought: ['excluded'] })
}

const update = (node: Ast, gathered: Gathered): void => assignments(gathered, node, listOf(node['targetList']), { relation: node['relation'], brought: [] })

const merge = (node: Ast, gathered: Gathered): void => {
  const target = { relation: node['relation'], brought: [] }
  const clauses = listOf(node['mergeWhenClauses']).map((clause) => nodeOf(clause, 'MergeWhenClause') ?? {})
  const inserted = clauses.flatMap((clause) => listOf(clause['values'])).map((value) => reachOf('', value, target))
  const assigned = clauses.filter((clause) => clause['commandType'] === 'CMD_UPDATE').flatMap((clause) => listOf(clause['targetList'])).map((value) => reaches(value, target))
  if ([...inserted, ...assigned].some((reach) => reach !== 'nothing')) gathered.roots.add(node)
}

const copy = (node: Ast, gathered: Gathered): void => {
  if (node['is_from'] === true || (textOf(node['filename']) === '' && node['is_program'] !== true)) return
  addRoots(gathered, node['query'])
  const source = sourceOf(gathered, node['relation'])
  const columns = namesOf(node['attlist'])
  if (source === undefined) return
  if (columns.length === 0) source.everything = true
  for (const column of columns) source.columns.add(column)
}

/** A relation, or a column of it, gets other names, or loses those that it shares. */
const moves = (gathered: Gathered, range: unknown, column?: string): void => {
  const source = sourceOf(gathered, range)
  if (source === undefined) return
  source.moved = true
  if (column === undefined) source.everything = true
  else source.columns.add(column)
}

/** What takes columns out from under the names that rules know them by. */
const alterTable = (node: Ast, gathered: Gathered): void => {
  for (const item of listOf(node['cmds'])) {
    const command = nodeOf(item, 'AlterTableCmd') ?? {}
    const column = textOf(command['name'])
    if (command['subtype'] === 'AT_DetachPartition') moves(gathered, nodeOf(command['def'], 'PartitionCmd')?.['name'])
    if (command['subtype'] === 'AT_DropInherit') moves(gathered, node['relation'])
    if (command['subtype'] === 'AT_DropExpression') moves(gathered, node['relation'], column)
    if (command['subtype'] === 'AT_AlterColumnType') {
      const using = nodeOf(command['def'], 'ColumnDef')?.['raw_default']
      if (using === undefined || reachOf(column, using, { relation: node['relation'], brought: [] }) === 'nothing') continue
      sourceOf(gathered, node['relation'])
      addRoots(gathered, using)
    }
  }
}

/** What has a name of its own that no rule knows; ALTER INDEX renames tables, too. */
const ofTables: ReadonlySet<string> = new Set(['OBJECT_TABCONSTRAINT', 'OBJECT_TRIGGER', 'OBJECT_RULE', 'OBJECT_POLICY'])

const rename = (node: Ast, gathered: Gathered): void => {
  const kind = textOf(node['renameType'])
  if (kind === 'OBJECT_SCHEMA') gathered.opaque = true
  // Of a composite type, which tables may be made of.
  else if (kind === 'OBJECT_ATTRIBUTE') gathered.opaque = true
  else if (kind === 'OBJECT_COLUMN') moves(gathered, node['relation'], textOf(node['subname']))
  else if (!ofTables.has(kind)) moves(gathered, node['relation'])
}

/** INTO stands in the first SELECT of a UNION, and takes the rows of all. */
const selectInto = (frame: Frame, gathered: Gathered): void => {
  if (!isAst(frame.node['intoClause'])) return
  let whole = frame
  while (whole.parent?.type === 'SelectStmt' && (whole.field === 'larg' || whole.field === 'rarg')) whole = whole.parent
  gathered.roots.add(whole.node)
}

/** Functions that keep what they are given where anybody can read it again: settings, sequences, locks, large objects. */
const keepers = /^(?:set_config|setval|pg_(?:try_)?advisory_\w*lock\w*|lo_create|lo_from_bytea|lo_put)$/

const keeps = (node: Ast): boolean => {
  if (!keepers.test(namesOf(node['funcname']).at(-1) ?? '')) return false
  const { references, queries, calls } = expressionIn(node['args'])
  return references.length > 0 || queries || calls
}

/** Which rows there are decides about what is kept, too. */
const wholeStatement = (frame: Frame, gathered: Gathered): void => {
  let whole = frame
  while (whole.parent !== undefined) whole = whole.parent
  gathered.roots.add(whole.node)
}

/** Finds where a node begins something that is copied. */
const begin = (frame: Frame, gathered: Gathered): void => {
  if (frame.planned) return
  const { node } = frame
  switch (frame.type) {
    case 'InsertStmt': return insert(node, gathered)
    case 'UpdateStmt': return update(node, gathered)
    case 'MergeStmt': return merge(node, gathered)
    case 'CopyStmt': return copy(node, gathered)
    case 'AlterTableStmt': return alterTable(node, gathered)
    case 'RenameStmt': return rename(node, gathered)
    case 'AlterObjectSchemaStmt': return moves(gathered, node['relation'])
    case 'SelectStmt': return selectInto(frame, gathered)
    case 'FuncCall':
      if (keeps(node)) wholeStatement(frame, gathered)
      return
    case 'CreateTableAsStmt':
      // A materialized view is followed like a view: its columns stay masked.
      if (node['objtype'] !== 'OBJECT_MATVIEW' && !(isAst(node['into']) && node['into']['skipData'] === true)) addRoots(gathered, node['query'])
      return
    default:
  }
}

const refer = (gathered: Gathered, node: Ast): void => {
  const fields = namesOf(node['fields'])
  const column = fields.at(-1)
  if (column === undefined) return
  const qualifier = fields.at(-2)
  gathered.references.push({ qualifier, column: qualifier !== undefined && wholeRowFunctions.has(column) ? '*' : column })
  // A single name may be a relation's: then it is the whole row.
  if (qualifier === undefined) gathered.references.push({ qualifier: column, column: '*' })
}

/** A call of what isn't known to be harmless can bring anything, from anywhere. */
const call = (gathered: Gathered, parts: readonly string[], trust: Trust): void => {
  if (keepers.test(parts.at(-1) ?? '') && (parts.length === 1 ? trust.unqualified : parts[0] === 'pg_catalog')) return
  if (functionKind(parts, trust) !== 'harmless' && !isMovingSequences(parts, trust)) gathered.opaque = true
}

/** `(expression).name`: a field, or a call. */
const indirection = (gathered: Gathered, node: Ast, trust: Trust): void => {
  for (const column of namesOf(node['indirection'])) {
    gathered.references.push({ qualifier: undefined, column: column === '*' || wholeRowFunctions.has(column) ? '*' : column })
    if (functionKind([column], trust) === 'server') gathered.opaque = true
  }
}

const join = (gathered: Gathered, node: Ast): void => {
  const alias = isAst(node['alias']) ? node['alias'] : undefined
  if (alias !== undefined) gathered.joins.add(textOf(alias['aliasname']))
  if (node['isNatural'] === true || listOf(alias?.['colnames']).length > 0) gathered.references.push({ qualifier: undefined, column: '*' })
  for (const column of namesOf(node['usingClause'])) gathered.references.push({ qualifier: undefined, column })
}

const within = (frame: Frame, gathered: Gathered, trust: Trust): void => {
  const { node } = frame
  switch (frame.type) {
    case 'RangeVar':
      if (frame.field === 'lockedRels' || frame.parent?.type === 'IntoClause' || (textOf(node['schemaname']) === '' && inScope(frame.scope, textOf(node['relname'])))) return
      sourceOf(gathered, node)
      return
    case 'ColumnRef': return refer(gathered, node)
    case 'A_Indirection': return indirection(gathered, node, trust)
    case 'FuncCall': return call(gathered, namesOf(node['funcname']), trust)
    case 'JoinExpr': return join(gathered, node)
    case 'ExecuteStmt':
      gathered.executes = true
      return
    default:
  }
}

const referred = (gathered: Gathered, { qualifier, column }: Reference): Iterable<Source> => {
  if (qualifier === undefined || gathered.joins.has(qualifier)) return gathered.sources.values()
  const named = gathered.byAlias.get(qualifier)
  if (named !== undefined) return named
  // Rows that the statement brings, or a query's: what that reads has entries of its own. So has a column that is no relation.
  return qualifier === 'excluded' || column === '*' ? [] : gathered.sources.values()
}

const attribute = (gathered: Gathered): void => {
  for (const reference of gathered.references) {
    for (const source of referred(gathered, reference)) {
      if (reference.column === '*') source.everything = true
      else source.columns.add(reference.column)
    }
  }
}

const moving: ReadonlySet<string> = new Set(['AlterTableStmt', 'RenameStmt', 'AlterObjectSchemaStmt', 'CopyStmt'])
const copying: ReadonlySet<string> = new Set(['InsertStmt', 'UpdateStmt', 'MergeStmt', 'CreateTableAsStmt', 'IntoClause'])

/** To be told of every node of a statement: a second walk is worth it only where something may be copied. */
export const noteCopying = ({ type, node }: Frame, found: Findings): void => {
  if (copying.has(type) || (type === 'FuncCall' && keeps(node))) found.copying = true
  else if (moving.has(type)) found.moving = true
}

const readsAnything = (found: Findings): boolean =>
  found.references > 0 || found.everything || found.reads.size > 0 || found.functions.size > 0 || found.serverFunctions.size > 0 || found.executes !== undefined

/** Undefined where nothing that is stored is read. */
export const copiesOf = (type: string, node: Ast, found: Findings): Copies | undefined => {
  if (!found.moving && !(found.copying && readsAnything(found))) return undefined
  const gathered: Gathered = { roots: new Set(), sources: new Map(), byAlias: new Map(), joins: new Set(), references: [], opaque: false, executes: false }
  let rule: Ast | undefined
  walk(type, node, (frame) => {
    if (frame.type === 'RuleStmt') rule = frame.node
    begin(frame, gathered)
  })
  if (gathered.roots.size === 0 && gathered.sources.size === 0 && !gathered.opaque) return undefined
  // What a rule copies are the rows of its table.
  if (rule !== undefined) sourceOf(gathered, rule['relation'], ['new', 'old'])
  const { roots } = gathered
  const inside = new WeakSet<Frame>()
  walk(type, node, (frame) => {
    const begins = roots.has(frame.node) || (roots.size > 0 && frame.type === 'CommonTableExpr')
    if (!begins && (frame.parent === undefined || !inside.has(frame.parent))) return
    inside.add(frame)
    within(frame, gathered, found.trust)
  })
  attribute(gathered)
  const sources = [...gathered.sources.values()].filter((source) => source.everything || source.columns.size > 0)
  const opaque = gathered.opaque || sources.some(({ schema, name }) => isRevealing(schema === null ? name : `${schema}.${name}`))
  if (sources.length === 0 && !opaque && !gathered.executes) return undefined
  return { sources: sources.map((source) => ({ ...source, columns: [...source.columns] })), opaque, executes: gathered.executes }
}
