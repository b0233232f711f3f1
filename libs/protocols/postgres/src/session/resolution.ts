import { Refusal, strictness, type Effect, type Recognition, type Relation, type SessionHost, type Touches } from '@sallyport/protocol-kit'
import { asNames, asRowFunctions, nameKeyOf, rowFunctionsKey, type NameAnswer, type RowFunction } from '../results/relation.js'
import { statementsOf } from './effective.js'

/** For how long a name is taken to mean the same: another session may have changed the schema. */
const ageMaxMs = 1000
/** A statement that names more relations is taken to touch anything. */
const relationsMax = 200

interface Known {
  readonly resolved: Recognition
  readonly at: number
  readonly epoch: number
}

const systemSchemas: ReadonlySet<string | null> = new Set(['pg_catalog', 'information_schema'])
const anything: ReadonlySet<string> = new Set(['sql.do', 'sql.call', 'sql.execute', 'sql.unrecognised'])

/**
 * Finds out from the target's catalog what the names in a text stand for, before masking is asked: tables under views, partition parents,
 * and `relation.name` that isn't a column but calls a function. A name counts for all relations of that name, whatever the search path
 * says. A relation that the catalog doesn't know stays without `lineage`; see {@link forResults}.
 */
export class Resolution {
  private readonly known = new WeakMap<Recognition, Known>()
  /** Relations that this session's open transaction has changed: the gateway's own connection doesn't see how. */
  private readonly changed = new Set<string>()
  /** Those of them that are tables it has made: what is in them came through here. */
  private readonly made = new Set<string>()
  private anythingChanged = false
  private epoch = 0

  constructor(private readonly host: SessionHost) {}

  /** Changes of the schema are under way that the catalog doesn't show yet. */
  get uncertain(): boolean {
    return this.anythingChanged || this.changed.size > 0
  }

  /** To be called when something that changes the schema is about to be forwarded. */
  note(recognition: Recognition): void {
    if (!statementsOf(recognition).some((statement) => statement.changesCatalog) && recognition.class !== 'unrecognised') return
    for (const name of tablesMadeBy(recognition)) this.made.add(name)
    for (const { action, class: kind, facts } of recognition.effects) {
      if (anything.has(action)) this.anythingChanged = true
      if (kind !== 'schema') continue
      for (const fact of [facts['objects'], facts['tables']]) if (Array.isArray(fact)) for (const name of fact as readonly string[]) this.changed.add(name)
    }
    this.epoch += 1
  }

  /** No transaction is open any more: the catalog shows everything. */
  settled(): void {
    if (!this.uncertain) return
    this.changed.clear()
    this.made.clear()
    this.anythingChanged = false
    this.epoch += 1
    this.host.catalogChanged()
  }

  /** The recognition with its names resolved: the same object as long as nothing changed. Without the catalog it counts as touching anything. */
  resolve(own: Recognition): Recognition | Promise<Recognition> {
    const { relations, columns } = own.touches
    if (relations.length === 0 && columns.length === 0) return own
    const known = this.known.get(own)
    if (known !== undefined && known.epoch === this.epoch && this.host.now() - known.at < ageMaxMs) return known.resolved
    if (relations.length > relationsMax) return touchingAnything(own)
    try {
      const answers = [...relations.map((relation) => this.ask(relation)), this.host.catalog(rowFunctionsKey)]
      if (!answers.some((answer) => answer instanceof Promise)) return this.settle(own, answers)
      return Promise.all(answers).then((late) => this.settle(own, late), (error: unknown) => unknownFor(own, error))
    } catch (error) {
      return unknownFor(own, error)
    }
  }

  /** A table that the open transaction, or the text at hand (`alsoMade`), has made, and that nothing else in the database is called like. */
  isNewTable(relation: Relation, alsoMade: ReadonlySet<string>): boolean | Promise<boolean> {
    const full = relation.schema === null ? relation.name : `${relation.schema}.${relation.name}`
    if (this.anythingChanged || !(this.made.has(full) || alsoMade.has(full))) return false
    const isUnknown = (answer: unknown): boolean => asNames(answer).length === 0
    try {
      const answer = this.ask(relation)
      return answer instanceof Promise ? answer.then(isUnknown, () => false) : isUnknown(answer)
    } catch {
      return false
    }
  }

  private ask({ schema, name }: Relation): unknown {
    return systemSchemas.has(schema) ? [] : this.host.catalog(nameKeyOf(schema, name))
  }

  private settle(own: Recognition, answers: readonly unknown[]): Recognition {
    const { touches } = own
    const functions = asRowFunctions(answers.at(-1))
    const relations: Relation[] = []
    const columns = new Set(touches.columns)
    let { opaque } = touches
    for (const [index, relation] of touches.relations.entries()) {
      const answer = asNames(answers[index])
      opaque ||= this.anythingChanged || this.isChanged(relation.name) || answer.some((each) => each.opaque || each.lineage.some(({ name }) => this.isChanged(name)))
      if (systemSchemas.has(relation.schema)) relations.push({ ...relation, lineage: [] })
      else if (answer.length === 0) relations.push({ schema: relation.schema, name: relation.name })
      for (const { schema, name, lineage, derived } of answer) {
        relations.push({ schema, name, lineage })
        for (const { column, from } of derived) if (touches.everything || columns.has(column)) for (const source of from) columns.add(source)
      }
    }
    const called = calledAsColumns(functions, touches.columns, relations)
    const resolved = withCalls({ ...own, touches: { ...touches, relations, columns: [...columns], opaque: opaque || called.length > 0 } }, called)
    const before = this.known.get(own)?.resolved
    const kept = before !== undefined && JSON.stringify(before) === JSON.stringify(resolved) ? before : resolved
    this.known.set(own, { resolved: kept, at: this.host.now(), epoch: this.epoch })
    return kept
  }

  private isChanged(name: string): boolean {
    if (this.changed.has(name)) return true
    for (const changed of this.changed) if (changed.endsWith(`.${name}`)) return true
    return false
  }
}

/** Tables that a text makes, as it names them. */
export const tablesMadeBy = ({ effects }: Recognition): ReadonlySet<string> =>
  new Set(effects.flatMap(({ action, facts }) => (action === 'sql.create' && facts['objectKind'] === 'table' && Array.isArray(facts['objects']) ? (facts['objects'] as readonly string[]) : [])))

const touchingAnything = (own: Recognition): Recognition => ({ ...own, touches: { ...own.touches, everything: true, opaque: true } })

const unknownFor = (own: Recognition, error: unknown): Recognition => {
  if (error instanceof Refusal) return touchingAnything(own)
  throw error
}

/** `relation.name` calls a function of that name that takes the relation's rows, when it isn't a column: only the catalog can tell. */
const calledAsColumns = (functions: readonly RowFunction[], columns: readonly string[], relations: readonly Relation[]): readonly string[] => {
  if (functions.length === 0 || columns.length === 0) return []
  const names = new Set(columns)
  const tables = new Set(relations.map(({ name }: NameAnswer[number] | Relation) => name))
  return [...new Set(functions.filter(({ name, relation }) => names.has(name) && (relation === null || tables.has(relation))).map(({ name }) => name))]
}

/** A call is what it is, however it is written: no proven read. */
const withCalls = (own: Recognition, functions: readonly string[]): Recognition => {
  if (functions.length === 0) return own
  const call: Effect = { action: 'sql.function', class: 'execute', facts: { functions: [...functions].sort(), statementCount: Number(own.effects[0]?.facts['statementCount'] ?? 1) } }
  const worse = strictness[call.class] > strictness[own.class]
  return { ...own, effects: [...own.effects, call], action: worse ? call.action : own.action, class: worse ? call.class : own.class, provenRead: false }
}

const opened = new WeakMap<Touches, Touches>()

/**
 * What rows of an operation may come from. That there are any shows that its relations exist, so one that the catalog didn't know may be
 * anything.
 */
export const forResults = (touches: Touches): Touches => {
  if (touches.opaque || touches.relations.every(({ lineage }) => lineage !== undefined)) return touches
  let open = opened.get(touches)
  if (open === undefined) {
    open = { ...touches, everything: true, opaque: true }
    opened.set(touches, open)
  }
  return open
}
