/** What the catalog knows of one relation: the answer to the key `rel:<oid>`. */
export interface RelationAnswer {
  readonly schema: string
  readonly name: string
  /** pg_class.relkind. */
  readonly kind: string
  /** By attribute number: every name under which the column's values are known: its own, those of partition parents and children, for views those of the columns below. */
  readonly columns: Readonly<Record<number, readonly { readonly schema: string; readonly table: string; readonly column: string }[]>>
  readonly view: boolean
  /** A view that calls functions of the database's own: what they read can't be known. */
  readonly opaque: boolean
}

export const relationKey = (oid: number): string => `rel:${oid}`

export const asRelation = (answer: unknown): RelationAnswer | undefined =>
  typeof answer === 'object' && answer !== null && 'columns' in answer ? (answer as RelationAnswer) : undefined

/** What a relation's name may mean, as the catalog answers the key `name:[schema, name]`. */
export type NameAnswer = readonly {
  readonly schema: string
  readonly name: string
  /** Base tables of a view, with the columns it uses; empty: it has none. */
  readonly lineage: readonly { readonly schema: string; readonly name: string; readonly columns: readonly string[] }[]
  readonly opaque: boolean
  /** Generated columns. */
  readonly derived: readonly { readonly column: string; readonly from: readonly string[] }[]
}[]

/** A function of the database's own that takes rows of a relation (null: any row). */
export interface RowFunction {
  readonly name: string
  readonly relation: string | null
}

export const rowFunctionsKey = 'row-functions'
export const nameKeyOf = (schema: string | null, name: string): string => `name:${JSON.stringify([schema, name])}`

export const asNames = (answer: unknown): NameAnswer => (Array.isArray(answer) ? (answer as NameAnswer) : [])
export const asRowFunctions = (answer: unknown): readonly RowFunction[] => (Array.isArray(answer) ? (answer as readonly RowFunction[]) : [])
