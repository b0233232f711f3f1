import { describe, expect, test } from '@jest/globals'
import { after, agent, approved, bob, carol, MINUTE_MS, need, NOON, person, requested, typesOf } from '../../test/fixtures.js'
import { decideApprove } from '../approve/decide.js'
import { decideRelease } from '../release/decide.js'
import { decideDeny } from './decide.js'

const now = NOON + MINUTE_MS
const by = (approver = bob, comment = 'not on a Friday') => ({ approver, comment, now })

describe('denying', () => {
  test('by one eligible person is enough, also when others have approved', () => {
    const state = requested({ needs: [need('dba', 2)] })
    const half = after(state, decideApprove(state, { approver: carol, comment: '', now }))
    const decision = decideDeny(half, by())
    expect(typesOf(decision)).toEqual(['resolution-recorded', 'denied'])
    expect(decision.events[1]!.data).toMatchObject({ by: 'bob', comment: 'not on a Friday', status: 'denied', session: 'ses_1', command: 'cmd_1' })
    expect(after(half, decision).resolutions.map(({ by: uid, verdict }) => [uid, verdict])).toEqual([['carol', 'approve'], ['bob', 'deny']])
  })

  test('takes an approval back while nothing has run', () => {
    expect(after(approved(), decideDeny(approved(), by(carol))).status).toBe('denied')
    const released = after(approved(), decideRelease(approved(), { digest: 'a'.repeat(64), proxy: 'px_1', command: 'cmd_1', now }))
    expect(decideDeny(released, by(carol))).toMatchObject({ kind: 'refused', code: 'conflict' })
  })

  test('needs a comment', () => {
    expect(decideDeny(requested(), by(bob, ' \n'))).toMatchObject({ kind: 'refused', code: 'invalid' })
    expect(decideDeny(requested(), by(bob, 'x'.repeat(4001)))).toMatchObject({ kind: 'refused', code: 'invalid' })
  })

  test('again by the same person changes nothing; by another one it comes too late', () => {
    const denied = after(requested(), decideDeny(requested(), by()))
    expect(decideDeny(denied, by())).toEqual({ kind: 'accepted', events: [] })
    expect(decideDeny(denied, by(carol))).toMatchObject({ kind: 'refused', code: 'conflict' })
  })

  test.each([['the agent', agent('coding-agent', 'alice', 'dba')], ['its owner', person('alice', 'dba')], ['a stranger', person('gus', 'engineers')]])('is refused to %s', (_, approver) => {
    expect(decideDeny(requested(), by(approver))).toMatchObject({ kind: 'refused', code: 'forbidden' })
  })
})
