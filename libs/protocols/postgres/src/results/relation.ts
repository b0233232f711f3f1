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
