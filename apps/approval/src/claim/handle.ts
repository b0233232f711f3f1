import { ATTEMPTS_MAX } from '../limits.js'
import { isOpen, type ApprovalState } from '../approval.js'
import { decideSettled } from '../expire/decide.js'
import type { ApprovalStore } from '../store.js'
import { decideClaim, type Claim } from './decide.js'

/** The approval under which this parked command may run now, or null. At most one caller ever gets it, over all replicas. */
export const claimParked = async (store: ApprovalStore, claim: Omit<Claim, 'now'>): Promise<ApprovalState | null> => {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const candidate = await store.db.selectFrom('approvals').select('id')
      .where('uid', '=', claim.uid).where('digest', '=', claim.digest).where('mode', '=', 'park').where('status', '=', 'approved')
      .orderBy('id').limit(1).executeTakeFirst()
    if (candidate === undefined) return null
    const claimed = await attemptClaim(store, candidate.id, claim)
    if (claimed !== undefined) return claimed
  }
  return null
}

/** Undefined: somebody else has it, or it is overdue. */
const attemptClaim = (store: ApprovalStore, id: string, claim: Omit<Claim, 'now'>): Promise<ApprovalState | undefined> =>
  store.transact(async (unit) => {
    const before = await unit.load(id)
    if (before === undefined || !isOpen(before.status)) return undefined
    const now = await unit.now()
    const decision = decideSettled(before, now, (state) => decideClaim(state, { ...claim, now }))
    const after = await unit.save(before, decision, claim.proxy)
    return decision.kind === 'accepted' ? after : undefined
  })
