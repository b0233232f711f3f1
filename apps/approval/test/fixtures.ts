import type { ApprovalRequest } from '@sallyport/contracts/approval'
import type { Party, Principal } from '@sallyport/contracts/identity'
import type { ApprovalNeed } from '@sallyport/contracts/policy'
import { fold, type ApprovalState } from '../src/approval.js'
import type { Decision } from '../src/decision.js'
import { decideApprove } from '../src/approve/decide.js'
import { decideRequest } from '../src/request-approval/decide.js'

/** Noon of some day, epoch milliseconds. */
export const NOON = Date.parse('2026-11-22T12:00:00.000Z')
export const MINUTE_MS = 60_000

export const party = (uid: string, groups: string[] = [], more: Partial<Party> = {}): Party => ({ kind: 'user', issuer: 'corp', subject: uid, uid, groups, ...more })
export const person = (uid: string, ...groups: string[]): Principal => ({ ...party(uid, groups, { person: true }), chain: [] })
export const agent = (uid: string, owner: string, ...groups: string[]): Principal => ({ ...party(uid, groups, { kind: 'agent', owner }), chain: [] })

export const need = (group: string, count = 1, expiresMs = 15 * MINUTE_MS): ApprovalNeed => ({ policy: `${group}-must-agree`, group, count, expiresMs, park: false })

/** An agent of alice's wants to delete; one dba must agree. */
export const requestOf = (more: Partial<ApprovalRequest> = {}): ApprovalRequest => ({
  command: 'cmd_1', session: 'ses_1', proxy: 'px_1', principal: agent('coding-agent', 'alice', 'ai-agents'), connection: 'orders-prod', action: 'sql.delete',
  summary: 'delete from orders where id = 7', digest: 'a'.repeat(64), needs: [need('dba')], mode: 'hold', ...more,
})

export const bob = person('bob', 'dba', 'approvers')
export const carol = person('carol', 'dba')

export const requested = (more: Partial<ApprovalRequest> = {}): ApprovalState =>
  after(undefined, decideRequest(undefined, { id: 'ap_1', request: requestOf(more), openCount: 0, now: NOON }))

/** Requested at noon, approved by bob a minute later. */
export const approved = (more: Partial<ApprovalRequest> = {}): ApprovalState => {
  const state = requested(more)
  return after(state, decideApprove(state, { approver: bob, comment: 'fine', now: NOON + MINUTE_MS }))
}

/** The state after a decision that must have been accepted. */
export const after = (state: ApprovalState | undefined, decision: Decision): ApprovalState => {
  if (decision.kind === 'refused') throw new Error(`refused: ${decision.message}`)
  const next = fold(decision.events, state)
  if (next === undefined) throw new Error('nothing was ever requested')
  return next
}

export const typesOf = (decision: Decision): string[] => decision.events.map(({ type }) => type.replace(/^sallyport\.approval\.(.*)\.v1$/, '$1'))
