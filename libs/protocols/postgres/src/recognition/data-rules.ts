import { type Facts, assigned, cascades, concurrently, optionOf, stringOption, tableIn, tablesIn } from './statement-facts.js'
import { type Findings, draft } from './findings.js'
import { filters, readsColumn } from './filters.js'
import { type Ast, isAst, listOf, namesOf, nodeOf, textOf } from './nodes.js'
import { type Frame, explainRuns } from './walk.js'

const addTo = (set: Set<string>, names: readonly string[]): void => {
  for (const name of names) set.add(name)
}

/** A write that takes place, or one that EXPLAIN only plans. */
const write = (found: Findings, frame: Frame, action: 'sql.insert' | 'sql.update' | 'sql.delete' | 'sql.merge', facts: Facts): void => {
  const tables = tableIn(frame.node['relation'])
  if (frame.planned) addTo(found.planned, tables)
  else draft(found, action, { tables, ...facts })
}

const hasReturning = (node: Ast): true | undefined => isAst(node['returningClause']) || listOf(node['returningList']).length > 0 ? true : undefined

const lockModes: Readonly<Record<string, string>> = {
  LCS_FORUPDATE: 'for update', LCS_FORNOKEYUPDATE: 'for no key update', LCS_FORSHARE: 'for share', LCS_FORKEYSHARE: 'for key share',
}

export const select = (node: Ast, found: Findings, frame: Frame): void => {
  const values = listOf(node['valuesLists']).length > 0
  if (!values || frame.parent === undefined) found.queries += 1
  const into = node['intoClause']
  if (isAst(into) && !frame.planned) draft(found, 'sql.create', { objectKind: 'table', objects: tableIn(into['rel']), tables: tableIn(into['rel']) })
  for (const item of listOf(node['lockingClause'])) {
    if (!frame.planned) found.lockMode ??= lockModes[textOf(nodeOf(item, 'LockingClause')?.['strength'])] ?? 'for update'
  }
}

/** As PostgreSQL itself asks for SELECT on the target when rows come back, or a condition or value reads its columns. */
const readTarget = (found: Findings, node: Ast): void => addTo(found.reads, tableIn(node['relation']))

export const insert = (node: Ast, found: Findings, frame: Frame): void => {
  const columns = assigned(node['cols'])
  if (columns.length === 0) found.assignsAll = true
  write(found, frame, 'sql.insert', { ...(columns.length > 0 ? { columns } : {}), hasReturning: hasReturning(node) })
  const conflict = isAst(node['onConflictClause']) ? node['onConflictClause'] : {}
  // The rows changed are those in conflict: as good as a condition.
  if (conflict['action'] === 'ONCONFLICT_UPDATE') write(found, frame, 'sql.update', { columns: assigned(conflict['targetList']), hasWhere: true, hasReturning: hasReturning(node) })
  if (hasReturning(node) || conflict['action'] === 'ONCONFLICT_UPDATE') readTarget(found, node)
}

export const update = (node: Ast, found: Findings, frame: Frame): void => {
  write(found, frame, 'sql.update', { columns: assigned(node['targetList']), hasWhere: filters(node['whereClause']), hasReturning: hasReturning(node) })
  if (hasReturning(node) || readsColumn([node['whereClause'], node['targetList'], node['fromClause']])) readTarget(found, node)
}

export const remove = (node: Ast, found: Findings, frame: Frame): void => {
  write(found, frame, 'sql.delete', { hasWhere: filters(node['whereClause']), hasReturning: hasReturning(node) })
  if (hasReturning(node) || readsColumn([node['whereClause'], node['usingClause']])) readTarget(found, node)
}

export const merge = (node: Ast, found: Findings, frame: Frame): void => {
  write(found, frame, 'sql.merge', { hasReturning: hasReturning(node) })
  for (const item of listOf(node['mergeWhenClauses'])) {
    const clause = nodeOf(item, 'MergeWhenClause') ?? {}
    const columns = assigned(clause['targetList'])
    const hasWhere = filters(node['joinCondition'])
    if (clause['commandType'] === 'CMD_INSERT' && columns.length === 0) found.assignsAll = true
    if (clause['commandType'] === 'CMD_INSERT') write(found, frame, 'sql.insert', columns.length > 0 ? { columns } : {})
    if (clause['commandType'] === 'CMD_UPDATE') write(found, frame, 'sql.update', { columns, hasWhere })
    if (clause['commandType'] === 'CMD_DELETE') write(found, frame, 'sql.delete', { hasWhere })
  }
  readTarget(found, node)
}

export const truncate = (node: Ast, found: Findings): void => draft(found, 'sql.truncate', { tables: tablesIn(node['relations']), cascade: cascades(node), hasWhere: false })

export const copy = (node: Ast, found: Findings): void => {
  const tables = tableIn(node['relation'])
  const columns = namesOf(node['attlist'])
  const file = textOf(node['filename'])
  if (node['is_program'] === true) draft(found, 'sql.copy_program')
  else if (file !== '') draft(found, 'sql.copy_file', { file })
  const facts = columns.length > 0 ? { tables, columns } : { tables, allColumns: tables.length > 0 ? true : undefined }
  draft(found, node['is_from'] === true ? 'sql.copy_from' : 'sql.copy_to', facts)
  for (const column of columns) found.assigned.add(column)
  if (tables.length > 0 && columns.length === 0) found.everything = true
}

/** Names of LOCK TABLE's modes by number, as in PostgreSQL's lockdefs.h. */
const tableLockModes = ['', 'access share', 'row share', 'row exclusive', 'share update exclusive', 'share', 'share row exclusive', 'exclusive', 'access exclusive']

export const lock = (node: Ast, found: Findings): void => {
  const lockMode = tableLockModes[Number(node['mode'] ?? 8)] ?? 'access exclusive'
  draft(found, lockMode === 'access share' ? 'sql.lock_access_share' : 'sql.lock', { tables: tablesIn(node['relations']), lockMode })
}

export const refresh = (node: Ast, found: Findings): void => draft(found, 'sql.refresh', { tables: tableIn(node['relation']), concurrently: concurrently(node) })

export const vacuum = (node: Ast, found: Findings): void =>
  draft(found, node['is_vacuumcmd'] === true ? 'sql.vacuum' : 'sql.analyze', { tables: tablesIn(node['rels']) })

export const call = (node: Ast, found: Findings): void => {
  const name = isAst(node['funccall']) ? namesOf(node['funccall']['funcname']).join('.') : ''
  draft(found, 'sql.call', { functions: [name] })
}

export const runBlock = (node: Ast, found: Findings): void => draft(found, 'sql.do', { language: stringOption(node['args'], 'language') ?? 'plpgsql' })

export const explain = (node: Ast, found: Findings): void => {
  if (optionOf(node['options'], 'serialize') !== undefined) found.queries += 1
  draft(found, 'sql.explain', { explainAnalyze: explainRuns(node) })
}

export const createTableAs = (node: Ast, found: Findings, frame: Frame): void => {
  const tables = isAst(node['into']) ? tableIn(node['into']['rel']) : []
  if (frame.planned) addTo(found.planned, tables)
  else draft(found, 'sql.create', { objectKind: node['objtype'] === 'OBJECT_MATVIEW' ? 'materialized view' : 'table', objects: tables, tables })
}
