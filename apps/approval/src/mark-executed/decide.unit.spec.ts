import { describe, expect, test } from '@jest/globals'
import { after, approved, MINUTE_MS, NOON, requested } from '../../test/fixtures.js'
import { decideRelease } from '../release/decide.js'
import { decideMarkExecuted } from './decide.js'

const done = { outcome: 'completed', now: NOON + 2 * MINUTE_MS }

describe('marking as executed', () => {
  test('what was released, once; the first report stays', () => {
    const released = after(approved(), decideRelease(approved(), { digest: 'a'.repeat(64), proxy: 'px_1', command: 'cmd_1', now: done.now }))
    const decision = decideMarkExecuted(released, done)
    expect(decision.events[0]!.data).toMatchObject({ status: 'executed', outcome: 'completed' })
    expect(decideMarkExecuted(after(released, decision), { ...done, outcome: 'failed' })).toEqual({ kind: 'accepted', events: [] })
  })

  test.each([['requested', requested()], ['approved', approved()]])('what is only %s is refused', (_, state) => {
    expect(decideMarkExecuted(state, done)).toMatchObject({ kind: 'refused', code: 'conflict' })
  })
})
