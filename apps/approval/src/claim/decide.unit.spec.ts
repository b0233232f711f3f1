import { describe, expect, test } from '@jest/globals'
import { after, approved, MINUTE_MS, NOON, requested, typesOf } from '../../test/fixtures.js'
import { decideClaim } from './decide.js'

const retry = { digest: 'a'.repeat(64), uid: 'coding-agent', proxy: 'px_9', command: 'cmd_9', now: NOON + 2 * MINUTE_MS }

describe('claiming a parked command', () => {
  test('gives it to the retry, whichever proxy that comes through', () => {
    const state = approved({ mode: 'park' })
    const decision = decideClaim(state, retry)
    expect(typesOf(decision)).toEqual(['released'])
    expect(decision.events[0]!.data).toMatchObject({ command: 'cmd_1', releasedTo: { proxy: 'px_9', command: 'cmd_9' } })
    expect(decideClaim(after(state, decision), retry)).toMatchObject({ kind: 'refused', code: 'conflict' })
  })

  test.each([['another digest', { digest: 'b'.repeat(64) }], ['another principal', { uid: 'ci-agent' }]])('is refused for %s', (_, other) => {
    expect(decideClaim(approved({ mode: 'park' }), { ...retry, ...other })).toMatchObject({ kind: 'refused', code: 'conflict', events: [] })
  })

  test('is refused before it is approved, and for a held one', () => {
    expect(decideClaim(requested({ mode: 'park' }), retry)).toMatchObject({ kind: 'refused' })
    expect(decideClaim(approved({ mode: 'hold' }), retry)).toMatchObject({ kind: 'refused' })
  })
})
