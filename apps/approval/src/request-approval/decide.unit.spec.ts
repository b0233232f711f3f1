import { describe, expect, test } from '@jest/globals'
import { agent, MINUTE_MS, need, NOON, requested, requestOf, typesOf } from '../../test/fixtures.js'
import { OPEN_PER_PRINCIPAL_MAX } from '../limits.js'
import { decideRequest, sameNeeds } from './decide.js'

const ask = (request = requestOf(), openCount = 0) => ({ id: 'ap_1', request, openCount, now: NOON })

describe('requesting an approval', () => {
  test('is recorded with everything needed to join it to its session and command', () => {
    const decision = decideRequest(undefined, ask())
    expect(typesOf(decision)).toEqual(['requested'])
    expect(decision.events[0]!.data).toMatchObject({
      approval: 'ap_1', session: 'ses_1', command: 'cmd_1', uid: 'coding-agent', connection: 'orders-prod', action: 'sql.delete',
      status: 'requested', at: '2026-11-22T12:00:00.000Z', expiresAt: '2026-11-22T12:15:00.000Z',
    })
  })

  test('expires when the most impatient of its needs does', () => {
    const state = requested({ needs: [need('dba', 1, 15 * MINUTE_MS), need('security', 1, 2 * MINUTE_MS)] })
    expect(state.deadline).toBe('2026-11-22T12:02:00.000Z')
  })

  test('waits no longer than a month, whatever a policy says', () => {
    expect(requested({ needs: [need('dba', 1, Number.MAX_SAFE_INTEGER)] }).deadline).toBe('2026-12-22T12:00:00.000Z')
  })

  test('twice for one command is one approval', () => {
    expect(decideRequest(requested(), ask())).toEqual({ kind: 'accepted', events: [] })
  })

  test.each([
    ['another digest', requestOf({ digest: 'b'.repeat(64) })],
    ['another principal', requestOf({ principal: agent('ci-agent', 'alice') })],
    ['another mode', requestOf({ mode: 'park' })],
  ])('of one command for %s is refused', (_, request) => {
    expect(decideRequest(requested(), ask(request))).toMatchObject({ kind: 'refused', code: 'conflict', events: [] })
  })

  test('is refused, with what to do, when too many wait already', () => {
    expect(decideRequest(undefined, ask(requestOf(), OPEN_PER_PRINCIPAL_MAX - 1)).kind).toBe('accepted')
    expect(decideRequest(undefined, ask(requestOf(), OPEN_PER_PRINCIPAL_MAX))).toMatchObject({ kind: 'refused', code: 'conflict', message: expect.stringMatching(/Wait until|cancel/) })
  })

  test.each([
    ['a need that is over at once', requestOf({ needs: [need('dba', 1, 0)] })],
    ['more people than there can be', requestOf({ needs: [need('dba', 64), need('security')] })],
    ['a principal with groups without end', requestOf({ principal: agent('coding-agent', 'alice', ...Array.from({ length: 20_000 }, (_, n) => `group-${n}`)) })],
    ['a name that can\'t be stored', requestOf({ connection: 'orders\u0000' })],
    ['half a character in a name', requestOf({ connection: 'orders\ud83d' })],
  ])('with %s is refused', (_, request) => {
    expect(decideRequest(undefined, ask(request))).toMatchObject({ kind: 'refused', code: 'invalid' })
  })

  test('keeps a summary that holds what the database can\'t', () => {
    expect(requested({ summary: 'printf \u0000 \ud83d' }).request.summary).toBe('printf \ufffd \ufffd')
  })

  test('the same needs in another order are the same needs; a further person is not', () => {
    const one = requestOf({ needs: [need('dba'), need('security')] })
    expect(sameNeeds(one, requestOf({ needs: [need('security'), need('dba')] }))).toBe(true)
    expect(sameNeeds(one, requestOf({ needs: [need('security'), need('dba', 2)] }))).toBe(false)
    expect(sameNeeds(one, requestOf({ needs: [need('dba')] }))).toBe(false)
  })
})
