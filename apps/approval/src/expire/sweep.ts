import { isOpen } from '../approval.js'
import { SWEEP_BATCH } from '../limits.js'
import { OPEN } from '../projection.js'
import type { ApprovalStore } from '../store.js'
import { decideExpire } from './decide.js'

export interface Sweep {
  readonly closed: number
  /** Ids whose closing failed, with why: the others are closed all the same. */
  readonly failed: readonly { readonly id: string; readonly error: unknown }[]
}

/** Closes what is overdue, one transaction each, one writer each over all replicas. */
export const sweepOverdue = async (store: ApprovalStore): Promise<Sweep> => {
  const failed: { id: string; error: unknown }[] = []
  let closed = 0
  const now = await store.now()
  for (let turn = 0; turn < SWEEP_BATCH; turn += 1) {
    let current = ''
    try {
      const outcome = await store.transact(async (unit) => {
        let query = unit.transaction.selectFrom('approvals').select('id').where('status', 'in', OPEN).where('deadline', '<=', new Date(now))
        if (failed.length > 0) query = query.where('id', 'not in', failed.map(({ id }) => id))
        const row = await query.orderBy('deadline').limit(1).forUpdate().skipLocked().executeTakeFirst()
        if (row === undefined) return 'done'
        current = row.id
        const state = await unit.load(row.id)
        if (state === undefined || !isOpen(state.status)) throw new Error('the projection shows it as open, its events don\'t')
        await unit.save(state, decideExpire(state, await unit.now()), 'approval')
        return 'closed'
      })
      if (outcome === 'done') break
      closed += 1
    } catch (error) {
      if (current === '') throw error
      failed.push({ id: current, error })
    }
  }
  return { closed, failed }
}
