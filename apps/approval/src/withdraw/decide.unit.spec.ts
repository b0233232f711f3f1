import { describe, expect, test } from '@jest/globals'
import { after, approved, bob, MINUTE_MS, NOON, requested, typesOf } from '../../test/fixtures.js'
import { decideApprove } from '../approve/decide.js'
import { decideRelease } from '../release/decide.js'
import { decideWithdraw } from './decide.js'

const gone = { reason: 'the client went away', now: NOON + 2 * MINUTE_MS }

describe('withdrawing', () => {
  test.each([['requested', requested()], ['approved', approved()]])('what is %s ends it', (_, state) => {
    const withdrawn = after(state, decideWithdraw(state, gone))
    expect(withdrawn.status).toBe('withdrawn')
    expect(decideApprove(withdrawn, { approver: bob, comment: '', now: gone.now }).kind).toBe('refused')
    expect(decideWithdraw(withdrawn, gone)).toEqual({ kind: 'accepted', events: [] })
  })

  test('what already runs is refused', () => {
    const released = after(approved(), decideRelease(approved(), { digest: 'a'.repeat(64), proxy: 'px_1', command: 'cmd_1', now: gone.now }))
    expect(decideWithdraw(released, gone)).toMatchObject({ kind: 'refused', code: 'conflict' })
  })

  test('keeps of the reason what can be kept', () => {
    const decision = decideWithdraw(requested(), { ...gone, reason: `\u0000${'x'.repeat(5000)}` })
    expect(typesOf(decision)).toEqual(['withdrawn'])
    expect(decision.events[0]!.data).toMatchObject({ reason: `\ufffd${'x'.repeat(999)}` })
  })
})
