import { RpcError } from '@sallyport/contracts/rpc'
import { appendEvents, ConcurrencyError, readEvents, type Database } from '@sallyport/persistence'
import type { Kysely, Transaction } from 'kysely'
import { AGGREGATE, eventFrom, fold, type ApprovalState } from './approval.js'
import type { Clock } from './clock.js'
import type { Decision } from './decision.js'
import { decideSettled } from './expire/decide.js'
import { ATTEMPTS_MAX } from './limits.js'
import { project } from './projection.js'
import type { Tables } from './tables.js'

/** What a committed transaction did to one approval. `before` is undefined for a new one. */
export interface Change {
  readonly before: ApprovalState | undefined
  readonly after: ApprovalState
}

/** One attempt at a change: everything in one transaction, decided on events only. */
export interface Unit {
  readonly transaction: Transaction<Tables>
  /** Epoch milliseconds; ask after loading, which may wait for another writer. */
  now(): Promise<number>
  /** Locks the approval against other writers, then folds its events. */
  load(id: string): Promise<ApprovalState | undefined>
  /** Appends and projects what was decided; answers the new state. Throws ConcurrencyError when the approval has moved on. */
  save(before: ApprovalState | undefined, decision: Decision, actor: string): Promise<ApprovalState | undefined>
}

/** SQLSTATEs: unique violation (the index over commands), serialization failure, deadlock. */
const CONFLICTS: ReadonlySet<unknown> = new Set(['23505', '40001', '40P01'])

/** Somebody else was quicker: the unique version in the event table says so, or the database. */
const isConflict = (error: unknown): boolean => error instanceof ConcurrencyError || CONFLICTS.has((error as { code?: unknown }).code)

/** Turns a refusal into what the caller gets; its events are committed by then. */
export const unlessRefused = (decision: Decision): void => {
  if (decision.kind === 'refused') throw new RpcError(decision.code, decision.message)
}

export class ApprovalStore {
  constructor(
    private readonly database: Database<Tables>,
    private readonly clock: Clock,
    private readonly onCommitted: (changes: readonly Change[]) => void,
  ) {}

  get db(): Kysely<Tables> {
    return this.database.kysely
  }

  now(): Promise<number> {
    return this.clock(this.db)
  }

  /** Runs `work` in one transaction, again from the start when another writer was quicker, and tells of the changes after the commit. */
  async transact<T>(work: (unit: Unit) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      const changes: Change[] = []
      try {
        const result = await this.db.transaction().execute((transaction) => work(this.unit(transaction, changes)))
        this.onCommitted(changes)
        return result
      } catch (error) {
        if (!isConflict(error)) throw error
        if (attempt >= ATTEMPTS_MAX) throw new RpcError('unavailable', 'the approval is being changed by too many at once; nothing was decided', undefined, { cause: error })
      }
    }
  }

  /** Settles what is overdue, decides, commits, and then answers or throws the refusal. */
  async change(id: string, actor: string, decide: (state: ApprovalState, now: number) => Decision): Promise<ApprovalState> {
    const { state, decision } = await this.transact(async (unit) => {
      const before = await unit.load(id)
      if (before === undefined) throw notFound(id)
      const now = await unit.now()
      const settled = decideSettled(before, now, (current) => decide(current, now))
      return { decision: settled, state: (await unit.save(before, settled, actor)) ?? before }
    })
    unlessRefused(decision)
    return state
  }

  /** The approval as it is now; undefined when there is none. Reads only, and may show what is overdue as still open. */
  read(id: string): Promise<ApprovalState | undefined> {
    return stateOf(this.db, id)
  }

  private unit(transaction: Transaction<Tables>, changes: Change[]): Unit {
    return {
      transaction,
      now: () => this.clock(transaction),
      load: async (id) => {
        await transaction.selectFrom('approvals').select('id').where('id', '=', id).forUpdate().execute()
        return stateOf(transaction, id)
      },
      save: async (before, decision, actor) => {
        const after = fold(decision.events, before)
        if (after === undefined || after === before) return after
        await appendEvents(transaction, { aggregate: AGGREGATE, id: after.id, expectedVersion: before?.version ?? 0, events: decision.events, actor })
        await project(transaction, after)
        changes.push({ before, after })
        return after
      },
    }
  }
}

const stateOf = async (db: Kysely<Tables>, id: string): Promise<ApprovalState | undefined> =>
  fold((await readEvents(db, { aggregate: AGGREGATE, id })).map(eventFrom))

export const notFound = (id: string): RpcError => new RpcError('not-found', `There is no approval ${id.slice(0, 60)}.`)
