import { Refusal } from '@sallyport/protocol-kit'
import { limits } from '../limits.js'
import type { RelationAnswer } from '../results/relation.js'
import type { Row } from './catalog-client.js'

export type Ask = (text: string) => Promise<readonly (readonly Row[])[]>

interface Relation {
  readonly schema: string
  readonly name: string
  readonly kind: string
  /** By attribute number. */
  readonly columns: Map<number, string>
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
SELECT DISTINCT r.ev_class, d.refobjid, d.refobjsubid
  FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
  WHERE r.ev_class IN (${list}) AND r.ev_type = '1' AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> r.ev_class;
SELECT DISTINCT r.ev_class
  FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
  WHERE r.ev_class IN (${list}) AND r.ev_type = '1' AND d.refclassid IN ('pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass) AND d.refobjid >= ${firstUserOid};
`
}

const takeRound = (relations: Map<number, Relation>, [classes = [], attributes = [], inherits = [], depends = [], calls = []]: readonly (readonly Row[])[]): void => {
  for (const [oid, schema, name, kind, opaque, wholeRow] of classes) {
    relations.set(Number(oid), { schema: schema ?? '', name: name ?? '', kind: kind ?? '', columns: new Map(), parents: [], children: [], bases: [], opaque: opaque === 't', wholeRow: wholeRow === 't' })
  }
  for (const [oid, attribute, name] of attributes) relations.get(Number(oid))?.columns.set(Number(attribute), name ?? '')
  for (const [child, parent] of inherits) {
    relations.get(Number(child))?.parents.push(Number(parent))
    relations.get(Number(parent))?.children.push(Number(child))
  }
  for (const [view, base, attribute] of depends) relations.get(Number(view))?.bases.push({ relation: Number(base), attribute: Number(attribute) })
  for (const [view] of calls) {
    const relation = relations.get(Number(view))
    if (relation !== undefined) relation.opaque = true
  }
}

/** Reads the relation and all that it is made of, round by round. @throws Refusal when there is no end to it. */
const load = async (ask: Ask, oid: number): Promise<ReadonlyMap<number, Relation>> => {
  const relations = new Map<number, Relation>()
  const asked = new Set<number>()
  let round = [oid]
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
  kin(relations, oid).filter((relation) => [...relation.columns.values()].includes(column)).map(({ schema, name }) => ({ schema, table: name, column }))

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

const isView = (kind: string): boolean => kind === 'v' || kind === 'm'

/** The answer to `rel:<oid>`; undefined when there is no such relation. @throws Refusal */
export const relationAnswer = async (ask: Ask, oid: number): Promise<RelationAnswer | undefined> => {
  const relations = await load(ask, oid)
  const relation = relations.get(oid)
  if (relation === undefined) return undefined
  const made: Below = isView(relation.kind) ? below(relations, oid) : { names: [], opaque: false }
  const columns: Record<number, readonly Name[]> = {}
  for (const [attribute, column] of relation.columns) columns[attribute] = [...columnNames(relations, oid, column), ...made.names]
  return { schema: relation.schema, name: relation.name, kind: relation.kind, columns, view: isView(relation.kind), opaque: made.opaque }
}
