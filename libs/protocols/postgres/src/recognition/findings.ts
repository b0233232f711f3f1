import type { Fact } from '@sallyport/protocol-kit'
import type { Action, FactName } from './actions.js'
import type { Trust } from './builtin-functions.js'

export type FactValues = { readonly [Name in FactName]?: Fact | undefined }

export interface Draft {
  readonly action: Action
  readonly facts: FactValues
}

/** What the walk over one statement gathers. */
export interface Findings {
  readonly trust: Trust
  readonly drafts: Draft[]
  /** Relations read, as `schema.name`; and all relations, for masking. */
  readonly reads: Set<string>
  readonly relations: Map<string, { readonly schema: string | null; readonly name: string }>
  /** Targets of writes that are only planned (EXPLAIN). */
  readonly planned: Set<string>
  readonly schemas: Set<string>
  /** Columns referred to, and columns assigned. */
  readonly columns: Set<string>
  readonly assigned: Set<string>
  readonly aliases: Set<string>
  /** Column references of one part: whole rows if they turn out to be a relation's name. */
  readonly bareReferences: Set<string>
  /** References of several parts: the last part by the one before it. */
  readonly qualified: Map<string, Set<string>>
  /** Functions in FROM by the name that stands for them, with the names of their columns. */
  readonly fromFunctions: Map<string, Set<string>>
  readonly functions: Set<string>
  readonly serverFunctions: Set<string>
  readonly operators: Set<string>
  readonly types: Set<string>
  readonly sets: Set<string>
  everything: boolean
  /** Values for every column of a table, without their names. */
  assignsAll: boolean
  /** There is a node that may store what is read; or one that gives something another name. */
  copying: boolean
  moving: boolean
  queries: number
  references: number
  lockMode: string | undefined
  executes: string | undefined
  fetches: string | undefined
}

export const createFindings = (trust: Trust): Findings => ({
  trust, drafts: [], reads: new Set(), relations: new Map(), planned: new Set(), schemas: new Set(), columns: new Set(), assigned: new Set(), aliases: new Set(),
  bareReferences: new Set(), qualified: new Map(), fromFunctions: new Map(), functions: new Set(), serverFunctions: new Set(), operators: new Set(), types: new Set(), sets: new Set(),
  everything: false, assignsAll: false, copying: false, moving: false, queries: 0, references: 0, lockMode: undefined, executes: undefined, fetches: undefined,
})

export const draft = (found: Findings, action: Action, facts: FactValues = {}): void => {
  found.drafts.push({ action, facts })
}
