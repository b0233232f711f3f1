export type TransactionStep = 'begin' | 'commit' | 'rollback' | 'savepoint' | 'rollback-to' | 'release' | 'prepare'

/**
 * What a statement reads into a place that keeps it (another column, a table, a file of the server), or takes out from under the names
 * that masking rules know it by.
 */
export interface Copies {
  /** Columns by the relation they may be of; `everything`: all of them. `moved`: it is renamed or the like, not read. */
  readonly sources: readonly { readonly schema: string | null; readonly name: string; readonly columns: readonly string[]; readonly everything: boolean; readonly moved: boolean }[]
  /** Something is called or read that could bring anything. */
  readonly opaque: boolean
  /** What EXECUTE gives back is stored: all that the prepared statement reads. */
  readonly executes: boolean
}

/** One statement of the text, as the session needs it. */
export interface StatementDetail {
  /** Node name of PostgreSQL's parse tree, e.g. `SelectStmt`. */
  readonly kind: string
  readonly transaction?: TransactionStep
  /** PREPARE: the name, and the text of the statement prepared. */
  readonly prepares?: { readonly name: string; readonly text?: string }
  /** EXECUTE, also inside EXPLAIN and CREATE TABLE AS. */
  readonly executes?: string
  readonly deallocates?: string
  /** DEALLOCATE ALL, DISCARD ALL. */
  readonly deallocatesAll?: boolean
  readonly cursor?: { readonly declares?: string; readonly fetches?: string; readonly closes?: string; readonly closesAll?: boolean }
  readonly copy?: 'in' | 'out' | 'file' | 'program'
  readonly copies?: Copies
  /** Settings changed, in lower case; `all` for RESET ALL and DISCARD ALL. */
  readonly sets?: readonly string[]
  /** Names of relations or columns may be others after it. */
  readonly changesCatalog: boolean
  /** More than reading may happen, or locks stay. */
  readonly writes: boolean
}

/** {@link Recognition.detail} of this protocol. Empty for an empty text and for an unrecognised one. */
export interface PostgresDetail {
  readonly statements: readonly StatementDetail[]
}
