import type { Fact } from '@sallyport/protocol-kit'
import type { FactName } from './actions.js'
import { type Ast, isAst, listOf, namesOf, nodeOf, relationName, textOf, unwrap } from './nodes.js'

export type Facts = { readonly [Name in FactName]?: Fact | undefined }

/** The relation in a field, as a set of one, or of none when the field is absent. */
export const tableIn = (value: unknown): readonly string[] => isAst(value) && typeof value['relname'] === 'string' ? [relationName(value)] : []

/** Names of the relations in a list of wrapped RangeVars (or of nodes that hold one in `relation`). */
export const tablesIn = (value: unknown): readonly string[] => listOf(value).flatMap((item) => {
  const typed = unwrap(item)
  return typed === undefined ? [] : [...tableIn(typed.node), ...tableIn(typed.node['relation'])]
})

/** One dotted name per object in a list such as DROP's or GRANT's. */
export const objectsIn = (value: unknown): readonly string[] => listOf(value).map((item) => {
  const typed = unwrap(item)
  if (typed === undefined) return ''
  return typed.type === 'RangeVar' ? relationName(typed.node) : namesOf([item]).join('.')
}).filter((name) => name !== '')

/** `OBJECT_MATVIEW` and the like in the words of the SQL commands. */
export const objectKind = (value: unknown): string => {
  const kind = textOf(value).replace(/^OBJECT_/, '').toLowerCase()
  return ({ matview: 'materialized view', attribute: 'type', tabconstraint: 'table', domconstraint: 'domain' } as Record<string, string>)[kind] ?? kind.replaceAll('_', ' ')
}

const relationKinds = new Set(['table', 'view', 'materialized view', 'sequence', 'foreign table', 'trigger', 'rule', 'policy', 'column'])

/** Facts of a change to named objects; relations also count as tables. */
export const objectFacts = (kind: string, objects: readonly string[], more: Facts = {}): Facts => {
  const facts: Facts = { objectKind: kind, objects, ...more }
  return relationKinds.has(kind) && more.tables === undefined && !['trigger', 'rule', 'policy', 'column'].includes(kind) ? { ...facts, tables: objects } : facts
}

export const cascades = (node: Ast): true | undefined => node['behavior'] === 'DROP_CASCADE' ? true : undefined

export const concurrently = (node: Ast): true | undefined =>
  node['concurrent'] === true || listOf(node['params'] ?? node['options']).some((option) => nodeOf(option, 'DefElem')?.['defname'] === 'concurrently') ? true : undefined

/** Roles in a list of RoleSpec or AccessPriv nodes, or in one bare RoleSpec; special ones in their SQL form. */
export const rolesIn = (value: unknown): readonly string[] => (Array.isArray(value) ? value : [value]).map((item) => {
  const role = unwrap(item)?.node ?? (isAst(item) ? item : {})
  if (typeof role['rolename'] === 'string') return role['rolename']
  if (typeof role['priv_name'] === 'string') return role['priv_name']
  return textOf(role['roletype']).replace(/^ROLESPEC_/, '').toLowerCase()
}).filter((role) => role !== '')

export const privilegesIn = (value: unknown): readonly string[] => {
  const privileges = listOf(value).map((item) => textOf(nodeOf(item, 'AccessPriv')?.['priv_name'])).filter((name) => name !== '')
  return privileges.length === 0 ? ['all'] : privileges
}

/** Columns assigned: names of the ResTargets. */
export const assigned = (value: unknown): readonly string[] => listOf(value).map((item) => textOf(nodeOf(item, 'ResTarget')?.['name'])).filter((name) => name !== '')

/** Value of an option in a list of DefElem. */
export const optionOf = (options: unknown, name: string): unknown => {
  for (const option of listOf(options)) {
    const element = nodeOf(option, 'DefElem')
    if (element?.['defname'] === name) return element['arg']
  }
  return undefined
}

export const stringOption = (options: unknown, name: string): string | undefined => {
  const node = nodeOf(optionOf(options, name), 'String')
  return node === undefined ? undefined : textOf(node['sval'])
}

/** `AT_DropColumn` → `drop column`. */
export const alterationsIn = (commands: unknown): readonly string[] => [...new Set(listOf(commands).map((command) =>
  textOf(nodeOf(command, 'AlterTableCmd')?.['subtype']).replace(/^AT_/, '').replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase()))].filter((name) => name !== '')
