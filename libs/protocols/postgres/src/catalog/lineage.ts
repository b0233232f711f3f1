import { Refusal } from '@sallyport/protocol-kit'
import { limits } from '../limits.js'
import type { NameAnswer, RelationAnswer, RowFunction } from '../results/relation.js'
import { isRevealing } from '../revealing.js'
import type { Row } from './catalog-client.js'

export type Ask = (text: string) => Promise<readonly (readonly Row[])[]>

interface Relation {
  readonly schema: string
  readonly name: string
  readonly kind: string
  /** By attribute number. */
  readonly columns: Map<number, string>
  /** Generated columns: the columns they are computed from. */
  readonly generated: Map<string, string[]>
  /** Partition and inheritance parents and children, directly. */
  readonly parents: number[]
  readonly children: number[]
  /** Views: columns they refer to; attribute 0 is the whole row. */
  readonly bases: { readonly relation: number; readonly attribute: number }[]
  /** Calls functions of the database's own, or such that read by text. */
  opaque: boolean
  /** A view that uses a row as a whole: pg_depend doesn't name its columns then. */
  readonly wholeRow: boolean
}

/** System relations are below it; what they depend on is not followed. */
const firstUserOid = 16384

/** All that is asked of one round of relations, in one round trip. Numbers only are put into the text. */
const roundText = (oids: readonly number[]): string => {
  const list = oids.join(',')
  return `
SELECT c.oid, n.nspname, c.relname, c.relkind,
  CASE WHEN c.relkind IN ('v', 'm') THEN pg_catalog.pg_get_viewdef(c.oid) ~* '_to_xml|dblink' ELSE false END,
  EXISTS (SELECT FROM pg_catalog.pg_rewrite r WHERE r.ev_class = c.oid AND r.ev_type = '1' AND r.ev_action::pg_catalog.text LIKE '%:varattno 0 %')
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.oid IN (${list});
SELECT attrelid, attnum, attname FROM pg_catalog.pg_attribute WHERE attrelid IN (${list}) AND NOT attisdropped;
SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits WHERE inhrelid IN (${list}) OR inhparent IN (${list});
SELECT DISTINCT r.ev_class, d.refobjid, d.refobjsubid, n.nspname, b.relname
  FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
  JOIN pg_catalog.pg_class b ON b.oid = d.refobjid JOIN pg_catalog.pg_namespace n ON n.oid = b.relnamespace
  WHERE r.ev_class IN (${list}) AND r.ev_type = '1' AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> r.ev_class;
SELECT DISTINCT r.ev_class
  FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
  WHERE r.ev_class IN (${list}) AND r.ev_type = '1' AND d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass) AND d.refobjid >= ${firstUserOid};
SELECT DISTINCT a.attrelid, a.attname, s.attname
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.objid = f.oid
  JOIN pg_catalog.pg_attribute s ON s.attrelid = a.attrelid AND s.attnum = d.refobjsubid
  WHERE a.attrelid IN (${list}) AND a.attgenerated <> '' AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = a.attrelid AND s.attnum <> a.attnum
`
}

const takeRound = (relations: Map<number, Relation>, [classes = [], attributes = [], inherits = [], depends = [], calls = [], generated = []]: readonly (readonly Row[])[]): void => {
  for (const [oid, schema, name, kind, opaque, wholeRow] of classes) {
    relations.set(Number(oid), { schema: schema ?? '', name: name ?? '', kind: kind ?? '', columns: new Map(), generated: new Map(), parents: [], children: [], bases: [], opaque: opaque === 't', wholeRow: wholeRow === 't' })
  }
  for (const [oid, attribute, name] of attributes) relations.get(Number(oid))?.columns.set(Number(attribute), name ?? '')
  for (const [child, parent] of inherits) {
    relations.get(Number(child))?.parents.push(Number(parent))
    relations.get(Number(parent))?.children.push(Number(child))
  }
  for (const [view, base, attribute, baseSchema, baseName] of depends) {
    const relation = relations.get(Number(view))
    relation?.bases.push({ relation: Number(base), attribute: Number(attribute) })
    if (relation !== undefined && isRevealing(`${baseSchema}.${baseName}`)) relation.opaque = true
  }
  for (const [oid, column, source] of generated) {
    const known = relations.get(Number(oid))?.generated
    known?.set(column ?? '', [...(known.get(column ?? '') ?? []), source ?? ''])
  }
  for (const [view] of calls) {
    const relation = relations.get(Number(view))
    if (relation !== undefined) relation.opaque = true
  }
}

/** Reads the relations and all that they are made of, round by round. @throws Refusal when there is no end to it. */
const load = async (ask: Ask, oids: readonly number[]): Promise<ReadonlyMap<number, Relation>> => {
  const relations = new Map<number, Relation>()
  const asked = new Set<number>()
  let round = [...oids]
  while (round.length > 0) {
    for (const id of round) asked.add(id)
    if (asked.size > limits.lineageRelationsMax) throw new Refusal('unavailable', 'a relation is made of too many others to be looked up')
    takeRound(relations, await ask(roundText(round)))
    const next = new Set<number>()
    for (const id of round) {
      const found = relations.get(id)
      for (const other of [...(found?.parents ?? []), ...(found?.children ?? []), ...(found?.bases.map((base) => base.relation) ?? [])]) {
        if (other >= firstUserOid && !asked.has(other)) next.add(other)
      }
    }
    round = [...next]
  }
  return relations
}

type Name = RelationAnswer['columns'][number][number]

/** The relation, its ancestors and its descendants. */
const kin = (relations: ReadonlyMap<number, Relation>, oid: number): readonly Relation[] => {
  const found = new Set<number>([oid])
  for (const direction of ['parents', 'children'] as const) {
    const open = [oid]
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      for (const other of relations.get(id)?.[direction] ?? []) {
        if (found.has(other)) continue
        found.add(other)
        open.push(other)
      }
    }
  }
  return [...found].flatMap((id) => relations.get(id) ?? [])
}

/** Names of one column in the relation and in whatever shares its rows. */
const columnNames = (relations: ReadonlyMap<number, Relation>, oid: number, column: string): readonly Name[] =>
  kin(relations, oid).filter((relation) => [...relation.columns.values()].includes(column))
    .flatMap(({ schema, name, generated }) => [column, ...(generated.get(column) ?? [])].map((each) => ({ schema, table: name, column: each })))

interface Below {
  readonly names: readonly Name[]
  readonly opaque: boolean
}

/**
 * Every column that the view is made of, through views below it. Which output comes from which is not known from the catalog:
 * each output is taken to come from all of them.
 */
const below = (relations: ReadonlyMap<number, Relation>, oid: number): Below => {
  const names = new Map<string, Name>()
  const open = [oid]
  const seen = new Set<number>(open)
  let opaque = false
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    const view = relations.get(id)
    opaque ||= view?.opaque === true
    for (const { relation, attribute } of view?.bases ?? []) {
      const base = relations.get(relation)
      if (base === undefined) continue
      for (const column of view?.wholeRow === true ? base.columns.values() : [base.columns.get(attribute) ?? '']) {
        for (const name of columnNames(relations, relation, column)) names.set(JSON.stringify(name), name)
      }
      if (!seen.has(relation)) {
        seen.add(relation)
        open.push(relation)
      }
    }
  }
  return { names: [...names.values()], opaque }
}

const systemRelation = (oid: number, { schema, name }: Relation): boolean => oid < firstUserOid && !isRevealing(`${schema}.${name}`)

const isView = (kind: string): boolean => kind === 'v' || kind === 'm'

/** The answer to `rel:<oid>`; undefined when there is no such relation. @throws Refusal */
export const relationAnswer = async (ask: Ask, oid: number): Promise<RelationAnswer | undefined> => {
  const relations = await load(ask, [oid])
  const relation = relations.get(oid)
  if (relation === undefined) return undefined
  const made: Below = isView(relation.kind) ? below(relations, oid) : { names: [], opaque: false }
  const columns: Record<number, readonly Name[]> = {}
  for (const [attribute, column] of relation.columns) columns[attribute] = [...columnNames(relations, oid, column), ...made.names]
  const view = isView(relation.kind) && !systemRelation(oid, relation)
  return { schema: relation.schema, name: relation.name, kind: relation.kind, columns, view, opaque: made.opaque || isRevealing(`${relation.schema}.${relation.name}`) }
}

/** Any text as an expression, whatever the target takes for a quotation mark or an escape. */
const literal = (text: string): string => `pg_catalog.convert_from(pg_catalog.decode('${Buffer.from(text, 'utf8').toString('hex')}', 'hex'), 'UTF8')`

const namedText = (schema: string | null, name: string): string => `
SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relname = ${literal(name)} AND c.relkind IN ('r', 'v', 'm', 'f', 'p', 'S', 't')
  ${schema === null ? '' : schema === 'pg_temp' ? 'AND n.nspname LIKE \'pg\\_temp\\_%\'' : `AND n.nspname = ${literal(schema)}`}`

/** Base tables of a view with the columns that it uses. */
const lineageOf = (relations: ReadonlyMap<number, Relation>, oid: number): Pick<NameAnswer[number], 'lineage' | 'opaque'> => {
  const { names, opaque } = below(relations, oid)
  const tables = new Map<string, { schema: string; name: string; columns: string[] }>()
  for (const { schema, table, column } of names) {
    const key = JSON.stringify([schema, table])
    const known = tables.get(key)
    if (known === undefined) tables.set(key, { schema, name: table, columns: [column] })
    else known.columns.push(column)
  }
  return { lineage: [...tables.values()], opaque }
}

/** The answer to `name:[schema, name]`: every relation that a name may mean, and those that share its rows. Empty: there is none. @throws Refusal */
export const nameAnswer = async (ask: Ask, schema: string | null, name: string): Promise<NameAnswer> => {
  const [found = []] = await ask(namedText(schema, name))
  const oids = found.map(([oid]) => Number(oid))
  if (oids.length === 0) return []
  const relations = await load(ask, oids)
  const answer = new Map<Relation, NameAnswer[number]>()
  for (const oid of oids) {
    for (const relation of kin(relations, oid)) {
      const own = relation === relations.get(oid)
      if (!own && answer.has(relation)) continue
      const derived = [...relation.generated].map(([column, from]) => ({ column, from }))
      const made = own && isView(relation.kind) && oid >= firstUserOid ? lineageOf(relations, oid) : { lineage: [], opaque: false }
      answer.set(relation, { schema: relation.schema, name: relation.name, derived, ...made })
    }
  }
  return [...answer.values()]
}

const anyRowTypes = '2249, 2276, 2283, 2776, 5077, 5079'

/** The answer to `row-functions`: the database's own functions that `relation.name` may call, because they take a row. @throws Refusal */
export const rowFunctionsAnswer = async (ask: Ask): Promise<readonly RowFunction[]> => {
  const [found = []] = await ask(`
SELECT DISTINCT p.proname, c.relname
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_type t ON t.oid = p.proargtypes[0] LEFT JOIN pg_catalog.pg_class c ON c.oid = t.typrelid AND c.relkind <> 'c'
  WHERE p.oid >= ${firstUserOid} AND p.prokind <> 'p' AND p.pronargs >= 1 AND p.pronargs - p.pronargdefaults <= 1 AND (c.oid IS NOT NULL OR t.oid IN (${anyRowTypes}))`)
  return found.map(([name, relation]) => ({ name: name ?? '', relation: relation ?? null }))
}
