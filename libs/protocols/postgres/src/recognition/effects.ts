import { type Effect, type Fact, type Touches, strictness } from '@sallyport/protocol-kit'
import { type Action, actions } from './actions.js'
import type { Draft, Findings } from './findings.js'
import { limits, filters } from './filters.js'
import { type Ast, unwrap } from './nodes.js'
import { readsWholeRow } from './collect.js'
import { isRevealing } from '../revealing.js'

/** Largest number of effects that one decision judges (the policy contract's limit). More is unrecognised. */
export const effectsMax = 64
/** Largest number of names in one fact. More is unrecognised. */
export const namesMax = 1000

/** After these, anything could have been read or done. */
const opaqueActions: ReadonlySet<string> = new Set<Action>([
  'sql.function', 'sql.server_function', 'sql.operator', 'sql.cast', 'sql.call', 'sql.do', 'sql.execute', 'sql.fetch', 'sql.copy_program', 'sql.unrecognised',
])

/** Catalog relations that hold secrets or show files of the server. */
const serverRelations = /^(?:pg_catalog\.)?(?:pg_authid|pg_shadow|pg_hba_file_rules|pg_ident_file_mappings|pg_file_settings|pg_config|pg_user_mappings?)$|^(?:information_schema\.)?user_mapping_options$/

export const isOpaque = (effects: readonly Effect[], relations: Touches['relations']): boolean =>
  effects.some(({ action }) => opaqueActions.has(action)) || relations.some(({ schema, name }) => isRevealing(schema === null ? name : `${schema}.${name}`))

const sorted = (names: Iterable<string>): readonly string[] => [...new Set(names)].sort()

const schemasOf = (tables: readonly string[]): readonly string[] => tables.filter((table) => table.includes('.')).map((table) => table.slice(0, table.lastIndexOf('.')))

/** The outermost SELECT, through EXPLAIN, PREPARE, DECLARE, COPY and CREATE … AS. */
const outermostSelect = (statement: Ast): Ast => {
  let at: Ast | undefined = statement
  for (let hops = 0; at !== undefined && hops < 4; hops += 1) {
    if (at['fromClause'] !== undefined || at['targetList'] !== undefined) return at
    at = unwrap(at['query'])?.node
  }
  return {}
}

const readDraft = (statement: Ast, found: Findings): Draft => {
  const select = outermostSelect(statement)
  return {
    action: 'sql.select',
    facts: {
      tables: sorted(found.reads), columns: sorted(found.columns), allColumns: found.everything || readsWholeRow(found), joins: found.reads.size > 1,
      hasWhere: filters(select['whereClause']), hasLimit: limits(select),
    },
  }
}

/** Effects of one statement, its own first. */
export const draftsOf = (statement: Ast, found: Findings): readonly Draft[] => {
  const reads = found.queries > 0 || found.reads.size > 0
  const all: Draft[] = found.drafts.map((item) => item.action === 'sql.explain' ? { ...item, facts: { ...item.facts, tables: sorted([...found.reads, ...found.planned]) } } : item)
  if (reads) all.push(readDraft(statement, found))
  if (found.lockMode !== undefined) all.push({ action: 'sql.lock', facts: { tables: sorted(found.reads), lockMode: found.lockMode } })
  if (found.functions.size > 0) all.push({ action: 'sql.function', facts: { functions: sorted(found.functions) } })
  if (found.operators.size > 0) all.push({ action: 'sql.operator', facts: { operators: sorted(found.operators) } })
  if (found.types.size > 0) all.push({ action: 'sql.cast', facts: { types: sorted(found.types) } })
  if (found.serverFunctions.size > 0) all.push({ action: 'sql.server_function', facts: { functions: sorted(found.serverFunctions) } })
  const server = [...found.relations.keys()].filter((name) => serverRelations.test(name))
  if (server.length > 0) all.push({ action: 'sql.server_relation', facts: { tables: sorted(server) } })
  return all
}

const tidy = (value: Fact): Fact => typeof value === 'object' ? sorted(value) : value

export const effectOf = ({ action, facts }: Draft, statementCount: number): Effect => {
  const kept: Record<string, Fact> = {}
  for (const [name, value] of Object.entries(facts)) if (value !== undefined && !(name === 'objects' && typeof value === 'object' && value.length === 0)) kept[name] = tidy(value)
  const tables = Array.isArray(kept['tables']) ? kept['tables'] as readonly string[] : []
  const schemas = schemasOf(tables)
  if (schemas.length > 0 && kept['schemas'] === undefined) kept['schemas'] = sorted(schemas)
  if (kept['objectKind'] === 'schema' && Array.isArray(kept['objects'])) kept['schemas'] = kept['objects'] as readonly string[]
  return { action, class: actions[action], facts: { ...kept, statementCount } }
}

/** Equal effects count once. */
export const distinct = (effects: readonly Effect[]): readonly Effect[] => {
  const seen = new Map<string, Effect>()
  for (const effect of effects) {
    const key = JSON.stringify([effect.action, Object.entries(effect.facts).sort(([one], [other]) => one < other ? -1 : 1)])
    if (!seen.has(key)) seen.set(key, effect)
  }
  return [...seen.values()]
}

export const tooLarge = (effects: readonly Effect[]): boolean =>
  effects.length > effectsMax || effects.some(({ facts }) => Object.values(facts).some((value) => typeof value === 'object' && value.length > namesMax))

/** The effect that names the operation; of equals, the first. */
export const strictest = (effects: readonly Effect[]): Effect | undefined => effects.reduce<Effect | undefined>(
  (worst, effect) => worst === undefined || strictness[effect.class] > strictness[worst.class] ? effect : worst, undefined)

/** A transaction's writes take effect with its COMMIT; deferred triggers run then, or when their constraints become immediate. */
const completes = ({ action, facts }: Effect): boolean => facts['transaction'] === 'commit' || action === 'sql.set_constraints'

/** Nothing but reads and the session's own business, nothing in them that isn't known, and nothing that makes an earlier write last. */
export const isProvenRead = (effects: readonly Effect[]): boolean =>
  effects.every((effect) => (effect.class === 'read' || effect.class === 'connect') && !opaqueActions.has(effect.action) && !completes(effect))

