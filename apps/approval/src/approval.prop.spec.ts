import { describe, expect, test } from '@jest/globals'
import type { ApprovalEvent } from '@sallyport/contracts/approval'
import { interestedUids } from '@sallyport/contracts/identity'
import fc from 'fast-check'
import { agent, need, NOON, party, person, requestOf } from '../test/fixtures.js'
import { eventFrom, fold, isTerminal, type ApprovalState } from './approval.js'
import { decideApprove } from './approve/decide.js'
import { decideClaim } from './claim/decide.js'
import type { Decision } from './decision.js'
import { decideDeny } from './deny/decide.js'
import { decideSettled } from './expire/decide.js'
import { decideMarkExecuted } from './mark-executed/decide.js'
import { needsMet } from './needs.js'
import { decideRelease } from './release/decide.js'
import { decideRequest } from './request-approval/decide.js'
import { decideWithdraw } from './withdraw/decide.js'

const DIGESTS = ['a'.repeat(64), 'b'.repeat(64)]
const people = [
  person('bob', 'dba'), person('carol', 'dba', 'security'), person('dan', 'security'), person('eve', 'engineers'), person('alice', 'dba', 'security'),
  person('dora', 'dba'), agent('coding-agent', 'alice', 'dba'), agent('robot', 'bob', 'security'),
]
type Step = (state: ApprovalState, now: number) => Decision

const oneOf = <T>(list: readonly T[]) => fc.constantFrom(...list)
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(oneOf(people), fc.string({ maxLength: 5 })).map(([approver, comment]): Step => (state, now) => decideApprove(state, { approver, comment, now })) },
  { weight: 1, arbitrary: fc.tuple(oneOf(people), oneOf(['', 'no'])).map(([approver, comment]): Step => (state, now) => decideDeny(state, { approver, comment, now })) },
  { weight: 1, arbitrary: fc.constant<Step>((state, now) => decideWithdraw(state, { reason: 'gone', now })) },
  { weight: 4, arbitrary: fc.tuple(oneOf(DIGESTS), oneOf(['px_1', 'px_2']), oneOf(['cmd_1', 'cmd_2'])).map(([digest, proxy, command]): Step => (state, now) => decideRelease(state, { digest, proxy, command, now })) },
  { weight: 4, arbitrary: fc.tuple(oneOf(DIGESTS), oneOf(['coding-agent', 'bob']), oneOf(['cmd_1', 'cmd_2'])).map(([digest, uid, command]): Step => (state, now) => decideClaim(state, { digest, uid, command, proxy: 'px_2', now })) },
  { weight: 2, arbitrary: fc.constant<Step>((state, now) => decideMarkExecuted(state, { outcome: 'completed', now })) },
)
const history = fc.record({
  mode: oneOf(['hold', 'park'] as const),
  needs: fc.array(fc.tuple(oneOf(['dba', 'security']), fc.integer({ min: 1, max: 2 })), { minLength: 1, maxLength: 2 }),
  steps: fc.array(fc.tuple(step, fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 0, max: 8_000 }) }, { weight: 1, arbitrary: fc.integer({ min: 0, max: 1_000_000 }) })), { maxLength: 30 }),
})

interface Run {
  readonly events: readonly ApprovalEvent[]
  readonly state: ApprovalState
}

/** Lets the steps happen one after the other, each some time after the one before, as the service would. */
const run = ({ mode, needs, steps }: (typeof history extends fc.Arbitrary<infer T> ? T : never)): Run => {
  const principal = { ...agent('coding-agent', 'alice', 'dba'), chain: [party('dora', ['dba'])] }
  const request = requestOf({ principal, mode, needs: needs.map(([group, count]) => need(group, count, 60_000)) })
  const events = [...decideRequest(undefined, { id: 'ap_1', request, openCount: 0, now: NOON }).events]
  let now = NOON
  for (const [decide, pauseMs] of steps) {
    now += pauseMs
    const before = fold(events)!
    const decision = decideSettled(before, now, (settled) => decide(settled, now))
    if (isTerminal(before.status)) expect(decision.events).toEqual([])
    events.push(...decision.events)
  }
  return { events, state: fold(events)! }
}

type DataOf<T extends ApprovalEvent['type']> = Extract<ApprovalEvent, { type: T }>['data']

const dataOf = <T extends ApprovalEvent['type']>(events: readonly ApprovalEvent[], type: T): DataOf<T>[] =>
  events.filter((event) => event.type === type).map(({ data }) => data as DataOf<T>)

describe('whatever happens to an approval', () => {
  test('it runs at most once, in time, as it was shown, and only when enough other people agreed', () => {
    const reached = new Set<string>()
    fc.assert(fc.property(history, (story) => {
      const { events, state } = run(story)
      reached.add(state.status)
      const releases = dataOf(events, 'sallyport.approval.released.v1')
      const approvals = dataOf(events, 'sallyport.approval.approved.v1')
      expect(releases.length).toBeLessThanOrEqual(1)
      expect(approvals.length).toBeLessThanOrEqual(1)
      expect(dataOf(events, 'sallyport.approval.executed.v1').length).toBeLessThanOrEqual(releases.length)

      const verdicts = dataOf(events, 'sallyport.approval.resolution-recorded.v1')
      const interested = interestedUids(state.request.principal)
      for (const verdict of verdicts) {
        expect(interested).not.toContain(verdict.by)
        expect(people.find(({ uid }) => uid === verdict.by)).toMatchObject({ kind: 'user', groups: expect.arrayContaining(verdict.groups) })
      }
      const agreed = verdicts.filter(({ verdict }) => verdict === 'approve')
      expect(new Set(agreed.map(({ by }) => by)).size).toBe(agreed.length)
      expect(approvals.length === 1).toBe(needsMet(state.request.needs, agreed.map(({ by, groups }) => ({ uid: by, groups }))))
      for (const approved of approvals) {
        expect(Date.parse(approved.at)).toBeLessThan(NOON + 60_000)
        for (const released of releases) expect(released.at < approved.lapsesAt).toBe(true)
      }
      if (releases.length === 1) {
        expect(approvals.length).toBe(1)
        expect(dataOf(events, 'sallyport.approval.denied.v1')).toEqual([])
        if (state.request.mode === 'hold') expect(releases[0]!.releasedTo).toEqual({ proxy: 'px_1', command: 'cmd_1' })
      }
    }), { numRuns: 3000 })
    expect([...reached].sort()).toEqual(['approved', 'denied', 'executed', 'expired', 'lapsed', 'released', 'requested', 'withdrawn'])
  })

  test('its events survive storage: they fit their schemas, and the state is their fold', () => {
    fc.assert(fc.property(history, (story) => {
      const { events, state } = run(story)
      const stored = events.map(({ type, data }) => ({ type, data: JSON.parse(JSON.stringify(data)) as unknown }))
      expect(fold(stored.map(eventFrom))).toEqual(state)
      expect(state.version).toBe(events.length)
      expect(events.at(-1)!.data.status).toBe(state.status)
      for (const { data } of events) expect(data).toMatchObject({ approval: 'ap_1', session: 'ses_1', command: 'cmd_1', uid: 'coding-agent' })
    }), { numRuns: 500 })
  })
})
