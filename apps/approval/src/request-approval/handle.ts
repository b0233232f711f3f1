import type { ApprovalRequest } from '@sallyport/contracts/approval'
import { newId } from '@sallyport/contracts/ids'
import { sql } from 'kysely'
import { isOpen, type ApprovalState } from '../approval.js'
import { decideExpire } from '../expire/decide.js'
import { OPEN } from '../projection.js'
import { unlessRefused, type ApprovalStore, type Unit } from '../store.js'
import { decideWithdraw } from '../withdraw/decide.js'
import { decideRequest, sameNeeds } from './decide.js'

const SUPERSEDED = 'Asked for again, and the policies now want other people\'s approval.'

/** Records a request, or answers the approval it has already. Requests of one principal are taken one after the other, over all replicas. */
export const requestApproval = async (store: ApprovalStore, request: ApprovalRequest): Promise<ApprovalState> => {
  const { uid } = request.principal
  const { decision, state } = await store.transact(async (unit) => {
    await sql`select pg_advisory_xact_lock(hashtextextended(${`sallyport-approval-request ${uid}`}, 0))`.execute(unit.transaction)
    const existing = await ofCommand(unit, request.command) ?? (request.mode === 'park' ? await openParked(unit, request) : undefined)
    const now = await unit.now()
    const openCount = existing === undefined ? await openOf(unit, uid, now) : 0
    const decided = decideRequest(existing, { id: newId('ap'), request, openCount, now })
    return { decision: decided, state: await unit.save(existing, decided, uid) }
  })
  unlessRefused(decision)
  return state!
}

/** The approval that this very command has, with what is overdue settled. */
const ofCommand = async (unit: Unit, command: string): Promise<ApprovalState | undefined> => {
  const row = await unit.transaction.selectFrom('approvals').select('id').where('command', '=', command).executeTakeFirst()
  return row && settle(unit, row.id)
}

/** The open parked approval for the same digest and principal. One that asked other people is withdrawn: today's policies count. */
const openParked = async (unit: Unit, request: ApprovalRequest): Promise<ApprovalState | undefined> => {
  const rows = await unit.transaction.selectFrom('approvals').select('id')
    .where('uid', '=', request.principal.uid).where('digest', '=', request.digest).where('mode', '=', 'park').where('status', 'in', OPEN)
    .orderBy('id', 'desc').execute()
  let found: ApprovalState | undefined
  for (const { id } of rows) {
    const state = await settle(unit, id)
    if (state === undefined || !isOpen(state.status)) continue
    if (sameNeeds(state.request, request)) found ??= state
    else await unit.save(state, decideWithdraw(state, { reason: SUPERSEDED, now: await unit.now() }), request.principal.uid)
  }
  return found
}

const settle = async (unit: Unit, id: string): Promise<ApprovalState | undefined> => {
  const state = await unit.load(id)
  return state && unit.save(state, decideExpire(state, await unit.now()), 'approval')
}

const openOf = async (unit: Unit, uid: string, now: number): Promise<number> => {
  const row = await unit.transaction.selectFrom('approvals').select(({ fn }) => fn.countAll<number>().as('count'))
    .where('uid', '=', uid).where('status', 'in', OPEN).where('deadline', '>', new Date(now)).executeTakeFirstOrThrow()
  return row.count
}
