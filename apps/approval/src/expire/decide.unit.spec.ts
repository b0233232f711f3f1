import { describe, expect, test } from '@jest/globals'
import { approved, bob, MINUTE_MS, NOON, requested, typesOf } from '../../test/fixtures.js'
import { decideApprove } from '../approve/decide.js'
import { decideClaim } from '../claim/decide.js'
import { decideRelease } from '../release/decide.js'
import { decideExpire, decideSettled } from './decide.js'

describe('expiring', () => {
  test('what nobody approved in time is expired, at the deadline and not before', () => {
    expect(typesOf(decideExpire(requested(), NOON + 15 * MINUTE_MS - 1))).toEqual([])
    expect(typesOf(decideExpire(requested(), NOON + 15 * MINUTE_MS))).toEqual(['expired'])
  })

  test('what was approved and never run is lapsed', () => {
    expect(typesOf(decideExpire(approved(), NOON + MINUTE_MS + 29_999))).toEqual([])
    expect(typesOf(decideExpire(approved(), NOON + MINUTE_MS + 30_000))).toEqual(['lapsed'])
    expect(typesOf(decideExpire(approved({ mode: 'park' }), NOON + 16 * MINUTE_MS - 1))).toEqual([])
    expect(typesOf(decideExpire(approved({ mode: 'park' }), NOON + 16 * MINUTE_MS))).toEqual(['lapsed'])
  })

  test('a verdict that comes too late is refused and the expiry recorded, though no sweeper came by', () => {
    const now = NOON + 15 * MINUTE_MS
    const decision = decideSettled(requested(), now, (state) => decideApprove(state, { approver: bob, comment: '', now }))
    expect(decision).toMatchObject({ kind: 'refused', code: 'conflict', message: expect.stringContaining('expired') })
    expect(typesOf(decision)).toEqual(['expired'])
  })

  test('neither a late release nor a late claim runs anything', () => {
    const held = NOON + MINUTE_MS + 30_000
    const release = decideSettled(approved(), held, (state) => decideRelease(state, { digest: 'a'.repeat(64), proxy: 'px_1', command: 'cmd_1', now: held }))
    expect([release.kind, typesOf(release)]).toEqual(['refused', ['lapsed']])
    const parked = NOON + 16 * MINUTE_MS
    const claim = decideSettled(approved({ mode: 'park' }), parked, (state) => decideClaim(state, { digest: 'a'.repeat(64), uid: 'coding-agent', proxy: 'px_1', command: 'cmd_2', now: parked }))
    expect([claim.kind, typesOf(claim)]).toEqual(['refused', ['lapsed']])
  })
})
