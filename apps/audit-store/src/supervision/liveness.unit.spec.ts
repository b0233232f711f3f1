import { describe, expect, it } from '@jest/globals'
import { newSession, type SessionState } from '../admission/session-state.js'
import { heard, lostSessions, missingTails, newHeartbeats } from './liveness.js'

const at = (now: number, proxy = 'px1'): Map<string, SessionState> => new Map([['a', newSession('a', proxy, now)]])
const lost = (...args: Parameters<typeof lostSessions>): string[] => lostSessions(...args).map((state) => state.session)

describe('liveness', () => {
  it('counts silence from the last sign of life: an event, a heartbeat that lists the session, or the first moment of listening', () => {
    const sessions = at(0)
    const heartbeats = newHeartbeats(10)
    expect(lost(heartbeats, sessions, 25, 15)).toEqual([])
    expect(lost(heartbeats, sessions, 26, 15)).toEqual(['a'])
    heard(heartbeats, sessions, { proxy: 'px1', sessions: [['a', 0]] }, 20)
    expect(lost(heartbeats, sessions, 35, 15)).toEqual([])
    heard(heartbeats, sessions, { proxy: 'px1', sessions: [] }, 30)
    expect(lost(heartbeats, sessions, 36, 15)).toEqual(['a'])
    sessions.get('a')!.seenAt = 30
    expect(lost(heartbeats, sessions, 36, 15)).toEqual([])
    heartbeats.listeningSince = 60
    expect(lost(heartbeats, sessions, 70, 15)).toEqual([])
    sessions.get('a')!.ended = true
    expect(lost(heartbeats, sessions, 1000, 15)).toEqual([])
  })

  it('does not believe a proxy about another one\'s session', () => {
    const sessions = at(0)
    const heartbeats = newHeartbeats(0)
    heard(heartbeats, sessions, { proxy: 'px2', sessions: [['a', 9]] }, 20)
    expect(lost(heartbeats, sessions, 20, 15)).toEqual(['a'])
    expect(missingTails(heartbeats, sessions, 100, 3)).toEqual([])
  })

  it('sees a tail that stays away, and only then', () => {
    const sessions = at(0)
    const heartbeats = newHeartbeats(0)
    heard(heartbeats, sessions, { proxy: 'px1', sessions: [['a', 4]] }, 10)
    heard(heartbeats, sessions, { proxy: 'px1', sessions: [['a', 5]] }, 12)
    expect(missingTails(heartbeats, sessions, 13, 3)).toEqual([])
    expect(missingTails(heartbeats, sessions, 14, 3)).toMatchObject([{ to: 5 }])
    sessions.get('a')!.head = 5
    expect(missingTails(heartbeats, sessions, 14, 3)).toEqual([])
    heard(heartbeats, sessions, { proxy: 'px1', sessions: [['a', 5]] }, 15)
    heard(heartbeats, sessions, { proxy: 'px1', sessions: [['a', 6]] }, 16)
    expect(missingTails(heartbeats, sessions, 17, 3)).toEqual([])
  })
})
