import type { Action } from './actions.js'
import { type Findings, draft } from './findings.js'
import { type Ast, isAst, listOf, namesOf, relationName, textOf } from './nodes.js'
import {
  alterationsIn, cascades, concurrently, objectFacts, objectKind, objectsIn, privilegesIn, rolesIn, stringOption, tableIn, tablesIn,
} from './statement-facts.js'

type Rule = (node: Ast, found: Findings) => void

/** The object that a field names: a string, a list of names, a relation, a type, a function. */
const objectIn = (value: unknown): readonly string[] => {
  if (typeof value === 'string') return value === '' ? [] : [value]
  if (Array.isArray(value)) return [namesOf(value).join('.')].filter((name) => name !== '')
  if (!isAst(value)) return []
  if (typeof value['relname'] === 'string') return [relationName(value)]
  if (typeof value['sval'] === 'string') return [value['sval']]
  return [namesOf(value['names'] ?? value['objname']).join('.')].filter((name) => name !== '')
}

const named = (node: Ast, field: string | undefined): readonly string[] => field === undefined ? [] : objectIn(node[field])

export const create = (kind: string, field?: string): Rule => (node, found) => {
  const objects = kind === 'foreign table' && isAst(node['base']) ? tableIn(node['base']['relation']) : named(node, field)
  if (kind === 'schema') for (const schema of objects) found.schemas.add(schema)
  draft(found, 'sql.create', objectFacts(kind, objects, kind === 'trigger' || kind === 'rule' || kind === 'policy' ? { tables: objects } : {}))
}

export const alter = (kind: string, field?: string): Rule => (node, found) =>
  draft(found, 'sql.alter', objectFacts(kind, named(node, field), { cascade: cascades(node) }))

export const drop = (kind: string, field: string): Rule => (node, found) => draft(found, 'sql.drop', objectFacts(kind, named(node, field)))

export const administer = (action: Action, kind?: string, field?: string): Rule => (node, found) => {
  const value = field === undefined ? undefined : node[field]
  const roles = field === 'roles' || (field === 'role' && typeof value !== 'string') ? rolesIn(value) : typeof value === 'string' && field === 'role' ? [value] : undefined
  draft(found, action, { objectKind: kind, objects: roles ?? objectIn(value), roles: roles === undefined ? undefined : [...roles, ...rolesIn(node['newrole'])], cascade: cascades(node) })
}

export const createIndex: Rule = (node, found) =>
  draft(found, 'sql.create', { objectKind: 'index', objects: objectIn(node['idxname']), tables: tableIn(node['relation']), concurrently: concurrently(node) })

export const createFunction: Rule = (node, found) => draft(found, 'sql.create', {
  objectKind: node['is_procedure'] === true ? 'procedure' : 'function', objects: objectIn(node['funcname']), language: stringOption(node['options'], 'language') ?? 'sql',
})

export const define: Rule = (node, found) => draft(found, 'sql.create', objectFacts(objectKind(node['kind']), objectIn(node['defnames'])))

export const alterTable: Rule = (node, found) => draft(found, 'sql.alter', {
  objectKind: objectKind(node['objtype']), objects: tableIn(node['relation']), tables: tableIn(node['relation']), alterations: alterationsIn(node['cmds']),
  cascade: listOf(node['cmds']).some((command) => JSON.stringify(command).includes('"behavior":"DROP_CASCADE"')) ? true : undefined,
})

/** ALTER of an object named by relation or by name; the kinds that aren't schema are administration. */
const alterObject = (alteration: string): Rule => (node, found) => {
  const kind = objectKind(node['renameType'] ?? node['objectType'] ?? node['objtype'])
  const relation = tableIn(node['relation'])
  const objects = relation.length > 0 ? relation : objectsIn([node['object']])
  const name = objects.length > 0 ? objects : objectIn(node['subname'])
  if (kind === 'role') draft(found, 'sql.role', { objectKind: kind, objects: name, roles: name })
  else draft(found, 'sql.alter', { objectKind: kind, objects: name, ...(relation.length > 0 ? { tables: relation } : {}), alterations: [alteration], cascade: cascades(node) })
}

export const rename = alterObject('rename')
export const move = alterObject('set schema')
export const changeOwner = alterObject('change owner')
export const dependOn = alterObject('depends on extension')

const administered: Readonly<Record<string, Action>> = {
  extension: 'sql.extension', language: 'sql.language', fdw: 'sql.foreign_server', 'foreign server': 'sql.foreign_server', publication: 'sql.replication',
  subscription: 'sql.replication', role: 'sql.role', tablespace: 'sql.tablespace',
}

export const dropObjects: Rule = (node, found) => {
  const kind = objectKind(node['removeType'])
  const objects = objectsIn(node['objects'])
  if (kind === 'schema') for (const schema of objects) found.schemas.add(schema)
  const onTable = ['trigger', 'rule', 'policy'].includes(kind) ? { tables: objects.map((name) => name.split('.').slice(0, -1).join('.')) } : {}
  draft(found, administered[kind] ?? 'sql.drop', objectFacts(kind, objects, { ...onTable, cascade: cascades(node), concurrently: concurrently(node) }))
}

export const comment: Rule = (node, found) => draft(found, 'sql.comment', objectFacts(objectKind(node['objtype']), objectsIn([node['object']])))
export const securityLabel: Rule = (node, found) => draft(found, 'sql.security_label', objectFacts(objectKind(node['objtype']), objectsIn([node['object']])))

export const reindex: Rule = (node, found) => draft(found, 'sql.reindex', {
  objectKind: textOf(node['kind']).replace('REINDEX_OBJECT_', '').toLowerCase(), objects: [...tableIn(node['relation']), ...objectIn(node['name'])],
  tables: tableIn(node['relation']), concurrently: concurrently(node),
})

export const cluster: Rule = (node, found) => draft(found, 'sql.cluster', { tables: tableIn(node['relation']) })

export const importForeignSchema: Rule = (node, found) => {
  found.schemas.add(textOf(node['local_schema']))
  draft(found, 'sql.import_foreign_schema', { objects: objectIn(node['server_name']), tables: tablesIn(node['table_list']) })
}

export const grant: Rule = (node, found) => {
  const kind = objectKind(node['objtype'])
  const objects = objectsIn(node['objects'])
  const wholeSchemas = node['targtype'] === 'ACL_TARGET_ALL_IN_SCHEMA'
  draft(found, 'sql.grant', {
    ...(wholeSchemas ? { objectKind: kind, schemas: objects } : objectFacts(kind, objects)), privileges: privilegesIn(node['privileges']), roles: rolesIn(node['grantees']), cascade: cascades(node),
  })
}

export const grantRole: Rule = (node, found) => draft(found, 'sql.grant', {
  objectKind: 'role', objects: rolesIn(node['granted_roles']), roles: [...rolesIn(node['granted_roles']), ...rolesIn(node['grantee_roles'])], cascade: cascades(node),
})

const settingsIn = (node: Ast): readonly string[] => {
  const name = isAst(node['setstmt']) ? textOf(node['setstmt']['name']).toLowerCase() : ''
  return [name === '' ? 'all' : name]
}

export const alterSettings = (kind: 'role' | 'database'): Rule => (node, found) => {
  const objects = kind === 'role' ? rolesIn(node['role']) : objectIn(node['dbname'])
  draft(found, 'sql.alter_settings', { objectKind: kind, objects, settings: settingsIn(node) })
}

export const alterSystem: Rule = (node, found) => draft(found, 'sql.alter_system', { settings: settingsIn(node) })
