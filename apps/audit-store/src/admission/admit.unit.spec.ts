import { describe, expect, it } from '@jest/globals'
import type { Incoming } from '../intake/event.js'
import { gapEvent, lostEvent } from '../ledger/own-events.js'
import { admit, declareGap, loseSession, newPlan, type Plan } from './admit.js'
import { watermarkOf, type SessionState } from './session-state.js'

const event = (sequence: number, more: Partial<Incoming> = {}): Incoming =>
  ({ origin: { kind: 'proxy', proxy: 'px1' }, id: String(sequence), type: 'sallyport.command.chunk.v1', source: 's', subject: 'x', time: 0, session: 'ses_1', sequence, data: {}, body: Buffer.from(`${sequence}`), ...more })

const given = (...sequences: number[]): { sessions: Map<string, SessionState>; plan: Plan; state: SessionState } => {
  const sessions = new Map<string, SessionState>()
  const plan = newPlan()
  for (const sequence of sequences) admit(sessions, event(sequence), plan, 5)
  return { sessions, plan, state: sessions.get('ses_1')! }
}
const accepted = (plan: Plan): number[] => plan.accepted.map((item) => item.sequence)

describe('admit', () => {
  it('takes the next number and skips those that are stored', () => {
    const { plan } = given(1, 2, 2, 1, 3)
    expect(accepted(plan)).toEqual([1, 2, 3])
    expect(plan.doubles.map((item) => item.sequence)).toEqual([2, 1])
  })

  it('withholds what comes after a gap, once, and stores it in order when the gap is filled', () => {
    const { sessions, plan, state } = given(1, 5, 3, 5)
    expect(accepted(plan)).toEqual([1])
    expect(state.gap).toEqual({ from: 2, to: 4, kind: 'inner', since: 5 })
    admit(sessions, event(2), plan, 6)
    expect(accepted(plan)).toEqual([1, 2, 3])
    expect(watermarkOf(state)).toBe(3)
    admit(sessions, event(4), plan, 7)
    expect(accepted(plan)).toEqual([1, 2, 3, 4, 5])
    expect(state).toMatchObject({ gap: null, head: 5 })
    expect(plan.drained.map((item) => item.sequence)).toEqual([3, 5])
  })

  it('holds back a session that begins beyond its first event', () => {
    const { plan, state } = given(2)
    expect(accepted(plan)).toEqual([])
    expect(state).toMatchObject({ head: 0, gap: { from: 1, to: 1 } })
  })

  it('refuses another proxy, and does not count it as a sign of life', () => {
    const { sessions, plan, state } = given(1)
    admit(sessions, event(2, { origin: { kind: 'proxy', proxy: 'px2' } }), plan, 99)
    expect(plan.quarantined).toMatchObject([{ reason: 'foreign-proxy', origin: 'px2' }])
    expect(state.seenAt).toBe(5)
  })

  it('gives up only what is missing, and refuses it when it comes late', () => {
    const { sessions, plan, state } = given(1, 6)
    admit(sessions, event(2), plan, 6)
    declareGap(state, gapEvent(state, 'me', 'because'), plan, 7)
    expect(plan.accepted.map((item) => [item.type.split('.')[1], item.sequence])).toEqual([['command', 1], ['command', 2], ['audit', 3], ['command', 6]])
    expect(plan.resolved).toEqual([{ session: 'ses_1', from: 2, to: 2, resolution: 'filled' }, { session: 'ses_1', from: 3, to: 5, resolution: 'declared' }])
    admit(sessions, event(4), plan, 8)
    admit(sessions, event(2), plan, 8)
    expect(plan.quarantined).toMatchObject([{ reason: 'late', sequence: 4 }])
    expect(watermarkOf(state)).toBe(2)
  })

  it('keeps a lost session closed to its proxy', () => {
    const { sessions, plan, state } = given(1, 2)
    loseSession(state, lostEvent(state, 'me', 'silent'), plan)
    for (const sequence of [2, 3, 4]) admit(sessions, event(sequence), plan, 9)
    expect(accepted(plan)).toEqual([1, 2, 3])
    expect(plan.accepted[2]?.type).toBe('sallyport.session.lost.v1')
    expect(plan.quarantined.map((item) => [item.reason, item.sequence])).toEqual([['fenced', 3], ['fenced', 4]])
    expect(state.ended).toBe(true)
    expect(watermarkOf(state)).toBe(2)
  })
})
