import { describe, expect, test } from '@jest/globals'
import { after, agent, approved, bob, carol, MINUTE_MS, need, NOON, party, person, requested, typesOf } from '../../test/fixtures.js'
import { decideDeny } from '../deny/decide.js'
import { decideApprove } from './decide.js'

const now = NOON + MINUTE_MS
const by = (approver = bob, comment = '') => ({ approver, comment, now })

describe('approving', () => {
  test('by the one person who is needed approves', () => {
    const decision = decideApprove(requested(), by(bob, 'ticket 42'))
    expect(typesOf(decision)).toEqual(['resolution-recorded', 'approved'])
    expect(decision.events[0]!.data).toMatchObject({ by: 'bob', groups: ['dba'], verdict: 'approve', comment: 'ticket 42', status: 'requested', command: 'cmd_1' })
    expect(decision.events[1]!.data).toMatchObject({ by: ['bob'], status: 'approved', at: '2026-11-22T12:01:00.000Z' })
  })

  test('of a held command is good for half a minute, of a parked one for as long as it could have waited', () => {
    expect(approved({ mode: 'hold' }).deadline).toBe('2026-11-22T12:01:30.000Z')
    expect(approved({ mode: 'park' }).deadline).toBe('2026-11-22T12:16:00.000Z')
  })

  test('needs as many people as the policy says', () => {
    const one = requested({ needs: [need('dba', 2)] })
    const two = after(one, decideApprove(one, by(bob)))
    expect(two.status).toBe('requested')
    expect(after(two, decideApprove(two, by(carol))).status).toBe('approved')
  })

  test('takes a token that shows a person', () => {
    const { person: _, ...machine } = bob
    expect(decideApprove(requested(), by(machine))).toMatchObject({ kind: 'refused', code: 'forbidden', message: expect.stringContaining('`people` of the issuer corp') })
    expect(decideDeny(requested(), { approver: machine, comment: 'no', now })).toMatchObject({ kind: 'refused', code: 'forbidden' })
  })

  test('twice by one person counts once', () => {
    const one = requested({ needs: [need('dba', 2)] })
    const two = after(one, decideApprove(one, by(bob)))
    expect(decideApprove(two, by(bob))).toEqual({ kind: 'accepted', events: [] })
  })

  test('by one person of two groups is one person', () => {
    const state = requested({ needs: [need('dba'), need('approvers')] })
    const first = after(state, decideApprove(state, by(bob)))
    expect(first.status).toBe('requested')
    // bob is in both groups, carol in dba only: carol takes dba's place and bob the other one.
    expect(after(first, decideApprove(first, by(carol))).status).toBe('approved')
  })

  test.each([
    ['the requester', agent('coding-agent', 'alice', 'dba')],
    ['the owner of the agent', person('alice', 'dba')],
    ['the person the agent acts for', person('dora', 'dba')],
    ['the owner of an agent further up', person('emil', 'dba')],
    ['any agent', agent('other-agent', 'zoe', 'dba')],
    ['somebody who acts for an agent', { ...person('frank', 'dba'), chain: [party('other-agent', [], { kind: 'agent', owner: 'zoe' })] }],
    ['somebody who acts for somebody else', { ...person('frank', 'dba'), chain: [party('zoe', ['dba'])] }],
    ['a person of no needed group', person('gus', 'engineers')],
    ['a person of a group of that name elsewhere', person('hal', 'partner/dba')],
  ])('is refused to %s', (_, approver) => {
    const principal = { ...agent('coding-agent', 'alice', 'dba'), chain: [party('dora', ['dba']), party('planner', [], { kind: 'agent', owner: 'emil' })] }
    expect(decideApprove(requested({ principal }), by(approver))).toMatchObject({ kind: 'refused', code: 'forbidden', events: [] })
  })

  test('a person who asked himself can\'t approve', () => {
    expect(decideApprove(requested({ principal: bob }), by(bob))).toMatchObject({ kind: 'refused', code: 'forbidden' })
  })

  test('again, after it was approved, is answered with what it is', () => {
    expect(decideApprove(approved(), by(bob))).toEqual({ kind: 'accepted', events: [] })
    expect(decideApprove(approved(), by(carol))).toMatchObject({ kind: 'refused', code: 'conflict' })
  })

  test('what was denied is refused', () => {
    const state = requested()
    const denied = after(state, decideDeny(state, by(carol, 'no')))
    expect(decideApprove(denied, by(bob))).toMatchObject({ kind: 'refused', code: 'conflict', events: [] })
  })

  test('with a comment too long is refused, with one that can\'t be stored it is kept as well as possible', () => {
    expect(decideApprove(requested(), by(bob, 'x'.repeat(4001)))).toMatchObject({ kind: 'refused', code: 'invalid' })
    expect(decideApprove(requested(), by(bob, 'a\u0000b')).events[0]!.data).toMatchObject({ comment: 'a\ufffdb' })
  })
})
