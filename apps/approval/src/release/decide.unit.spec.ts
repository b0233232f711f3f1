import { describe, expect, test } from '@jest/globals'
import { after, approved, MINUTE_MS, NOON, requested, typesOf } from '../../test/fixtures.js'
import { decideMarkExecuted } from '../mark-executed/decide.js'
import { decideRelease } from './decide.js'

const mine = { digest: 'a'.repeat(64), proxy: 'px_1', command: 'cmd_1', now: NOON + MINUTE_MS + 50 }

describe('releasing a held command', () => {
  test('that was approved, for exactly that command, is recorded', () => {
    const decision = decideRelease(approved(), mine)
    expect(typesOf(decision)).toEqual(['released'])
    expect(after(approved(), decision)).toMatchObject({ status: 'released', releasedTo: { proxy: 'px_1', command: 'cmd_1' } })
  })

  test.each([['another digest', { digest: 'b'.repeat(64) }], ['another command', { command: 'cmd_2' }], ['another proxy', { proxy: 'px_2' }]])('is refused for %s', (_, other) => {
    expect(decideRelease(approved(), { ...mine, ...other })).toMatchObject({ kind: 'refused', code: 'conflict', events: [] })
  })

  test('is refused before it is approved, and the second time also to the same caller', () => {
    expect(decideRelease(requested(), mine)).toMatchObject({ kind: 'refused', code: 'conflict' })
    const released = after(approved(), decideRelease(approved(), mine))
    expect(decideRelease(released, mine)).toMatchObject({ kind: 'refused', code: 'conflict' })
    const executed = after(released, decideMarkExecuted(released, { outcome: 'completed', now: mine.now }))
    expect(decideRelease(executed, mine)).toMatchObject({ kind: 'refused', code: 'conflict' })
  })

  test('is refused for a parked one', () => {
    expect(decideRelease(approved({ mode: 'park' }), mine)).toMatchObject({ kind: 'refused', code: 'conflict' })
  })
})
