import { type Findings, draft } from './findings.js'
import { type Ast, constantText, listOf, namesOf, nodeOf, stringConstant, textOf } from './nodes.js'
import { type SettingKind, settingKind } from './settings.js'
import type { Frame } from './walk.js'

const actionOf: Readonly<Record<SettingKind, 'sql.set' | 'sql.set_role' | 'sql.set_setting'>> = { harmless: 'sql.set', role: 'sql.set_role', setting: 'sql.set_setting' }

const change = (found: Findings, name: string, values: readonly (string | undefined)[], reset: boolean): void => {
  const setting = name.toLowerCase()
  const kind = settingKind(setting, values, reset)
  found.sets.add(setting)
  const roles = kind === 'role' ? { roles: values.filter((value) => value !== undefined) } : {}
  draft(found, actionOf[kind], { settings: [setting], ...roles })
}

/** SET TRANSACTION and SET SESSION CHARACTERISTICS: the modes, one by one. */
const changeModes = (found: Findings, node: Ast, prefix: string): void => {
  for (const item of listOf(node['args'])) {
    const mode = nodeOf(item, 'DefElem')
    if (mode === undefined) continue
    change(found, `${prefix}${textOf(mode['defname'])}`, [constantText(mode['arg'])], false)
  }
}

/** Settings of a role, database, function or of the server are given inside the statement that changes those: no effect of their own. */
const isNested = (frame: Frame): boolean => frame.parent !== undefined

export const recogniseSet = (node: Ast, found: Findings, frame: Frame): void => {
  if (isNested(frame)) return
  const name = textOf(node['name'])
  switch (node['kind']) {
    case 'VAR_RESET_ALL':
      found.sets.add('all')
      draft(found, 'sql.set', { settings: ['all'] })
      return
    case 'VAR_SET_MULTI':
      if (name === 'TRANSACTION') changeModes(found, node, '')
      else if (name === 'SESSION CHARACTERISTICS') changeModes(found, node, 'default_')
      else draft(found, 'sql.transaction', { transaction: name.toLowerCase() })
      return
    case 'VAR_SET_VALUE':
      change(found, name, listOf(node['args']).map(argumentText), false)
      return
    default:
      change(found, name, [], true)
  }
}

/** An argument of SET; an interval of SET TIME ZONE is a cast of a constant. */
const argumentText = (argument: unknown): string | undefined => constantText(argument) ?? constantText(nodeOf(argument, 'TypeCast')?.['arg'])

/** pg_dump's own statement, which takes the setting's name from a catalog row that its WHERE pins. */
const pinsName = (frame: Frame, argument: unknown): string | undefined => {
  if (namesOf(nodeOf(argument, 'ColumnRef')?.['fields']).join('.') !== 'name') return undefined
  const select = frame.parent?.parent?.node ?? {}
  const from = listOf(select['fromClause'])
  const where = nodeOf(select['whereClause'], 'A_Expr') ?? {}
  const relation = nodeOf(from[0], 'RangeVar') ?? {}
  const pinned = from.length === 1 && ['', 'pg_catalog'].includes(textOf(relation['schemaname'])) && relation['relname'] === 'pg_settings' && relation['alias'] === undefined
    && where['kind'] === 'AEXPR_OP' && namesOf(where['name']).join('.') === '=' && namesOf(nodeOf(where['lexpr'], 'ColumnRef')?.['fields']).join('.') === 'name'
  return pinned ? stringConstant(where['rexpr']) : undefined
}

const isParameter = (value: unknown): boolean => {
  const bare = nodeOf(value, 'TypeCast')?.['arg'] ?? value
  return nodeOf(bare, 'ParamRef') !== undefined || constantText(bare) !== undefined || nodeOf(bare, 'A_Const') !== undefined
}

/** `set_config` with a constant name is a SET in another form. Answers false when it isn't. */
export const recogniseSetConfig = (node: Ast, found: Findings, frame: Frame): boolean => {
  const names = namesOf(node['funcname'])
  if (names.at(-1) !== 'set_config' || (names.length > 1 && names.join('.') !== 'pg_catalog.set_config') || !found.trust.unqualified) return false
  const [name, value] = listOf(node['args'])
  const setting = stringConstant(name) ?? pinsName(frame, name)
  if (setting === undefined || listOf(node['args']).length !== 3) return false
  const given = stringConstant(value)
  // A value that the database computes: settings can be shown again, so it could carry data anywhere.
  if (given === undefined && !isParameter(value)) draft(found, 'sql.set_setting', { settings: [setting] })
  change(found, setting, [given], false)
  return true
}
