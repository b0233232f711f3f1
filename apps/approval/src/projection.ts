import type { ApprovalStatus } from '@sallyport/contracts/approval'
import { interestedUids } from '@sallyport/contracts/identity'
import { readEvents } from '@sallyport/persistence'
import { sql, type Insertable, type Kysely, type Transaction } from 'kysely'
import { AGGREGATE, evolve, eventFrom, type ApprovalState } from './approval.js'
import type { ApprovalsTable, Tables } from './tables.js'

export const OPEN: readonly ApprovalStatus[] = ['requested', 'approved']

const rowOf = (state: ApprovalState): Insertable<ApprovalsTable> => ({
  id: state.id,
  command: state.request.command,
  uid: state.request.principal.uid,
  digest: state.request.digest,
  mode: state.request.mode,
  status: state.status,
  deadline: new Date(state.deadline),
  interested: interestedUids(state.request.principal),
  groups: [...new Set(state.request.needs.map((need) => need.group))],
  state: JSON.stringify(state),
})

/** Writes the current state of one approval, in the transaction of its events. */
export const project = async (transaction: Transaction<Tables>, state: ApprovalState): Promise<void> => {
  const { id, command, ...changing } = rowOf(state)
  await transaction.insertInto('approvals').values({ id, command, ...changing }).onConflict((conflict) => conflict.column('id').doUpdateSet(changing)).execute()
}

const ROWS_PER_INSERT = 500

/** Makes the projection again from the events, also while the service runs: writers wait, readers see the old rows until it is done. */
export const rebuildProjection = (db: Kysely<Tables>): Promise<number> =>
  db.transaction().execute(async (transaction) => {
    await sql`lock table approvals in exclusive mode`.execute(transaction)
    const states = new Map<string, ApprovalState>()
    for (const stored of await readEvents(transaction, { aggregate: AGGREGATE })) states.set(stored.id, evolve(states.get(stored.id), eventFrom(stored)))
    await transaction.deleteFrom('approvals').execute()
    const rows = [...states.values()].map(rowOf)
    for (let from = 0; from < rows.length; from += ROWS_PER_INSERT) {
      await transaction.insertInto('approvals').values(rows.slice(from, from + ROWS_PER_INSERT)).execute()
    }
    return rows.length
  })
