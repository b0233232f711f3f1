import type { Approval, ApprovalStatus, listApprovals } from '@sallyport/contracts/approval'
import { isId } from '@sallyport/contracts/ids'
import { RpcError } from '@sallyport/contracts/rpc'
import { sql, type ExpressionBuilder } from 'kysely'
import type { z } from 'zod'
import { fold, viewOf } from '../approval.js'
import { decideExpire } from '../expire/decide.js'
import { PAGE_DEFAULT } from '../limits.js'
import { OPEN } from '../projection.js'
import type { ApprovalStore } from '../store.js'
import type { Tables } from '../tables.js'

export type ListQuery = z.output<typeof listApprovals.request>

/** What a list's filter means: "approved" is what people agreed to, run or not; "expired" what nobody decided, or nobody ran, in time. */
const STATUSES: Readonly<Record<NonNullable<ListQuery['status']>, readonly ApprovalStatus[]>> = {
  pending: ['requested'],
  approved: ['approved', 'released', 'executed'],
  denied: ['denied'],
  expired: ['expired', 'lapsed'],
  withdrawn: ['withdrawn'],
}

/**
 * One page, newest first. Filters are joined by "and"; `requester` finds what this uid stands behind (its own, its agents', on its behalf),
 * `groups` what at least one of them is asked to approve. What is overdue counts as closed though no sweep has come by.
 */
export const queryApprovals = async (store: ApprovalStore, query: ListQuery): Promise<{ items: Approval[]; next: string | null }> => {
  if (query.cursor !== undefined && !isId('ap', query.cursor)) throw new RpcError('invalid', 'cursor: not one that a list has answered')
  const limit = query.limit ?? PAGE_DEFAULT
  const now = await store.now()
  const rows = await store.db.selectFrom('approvals').select(['id', 'state'])
    .where((where) => where.and([
      ...(query.status === undefined ? [] : [statusIs(where, STATUSES[query.status], new Date(now))]),
      ...(query.requester === undefined ? [] : [sql<boolean>`interested @> ${[query.requester]}::text[]`]),
      ...(query.groups === undefined ? [] : [sql<boolean>`groups && ${query.groups}::text[]`]),
      ...(query.cursor === undefined ? [] : [where('id', '<', query.cursor)]),
    ]))
    .orderBy('id', 'desc').limit(limit + 1).execute()
  const items = rows.slice(0, limit).map(({ state }) => viewOf(fold(decideExpire(state, now).events, state) ?? state))
  return { items, next: rows.length > limit ? items.at(-1)!.id : null }
}

const statusIs = (where: ExpressionBuilder<Tables, 'approvals'>, statuses: readonly ApprovalStatus[], now: Date) => {
  const closed = statuses.filter((status) => !OPEN.includes(status))
  const open = statuses.filter((status) => OPEN.includes(status))
  const overdue = OPEN.filter((status) => statuses.includes(status === 'requested' ? 'expired' : 'lapsed'))
  return where.or([
    ...(closed.length === 0 ? [] : [where('status', 'in', closed)]),
    ...(open.length === 0 ? [] : [where.and([where('status', 'in', open), where('deadline', '>', now)])]),
    ...(overdue.length === 0 ? [] : [where.and([where('status', 'in', overdue), where('deadline', '<=', now)])]),
  ])
}
