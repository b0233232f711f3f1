import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { auditEventTypes, storeStatus, storedSubject, watermarks } from '@sallyport/contracts/audit'
import { at } from '@sallyport/contracts/rpc'
import { proxyHeartbeatSubject, republish, sessionEventTypes } from '@sallyport/contracts/session'
import { waitFor } from '@sallyport/testing'
import { newScript, startPlatform, wholeSession, type Platform, type Script } from './fixtures.js'

describe('gaps and lost proxies', () => {
  let platform: Platform
  const asked: { proxy: string; session: string; from: number; to: number }[] = []
  const scripts = new Map<string, Script>()
  const alive = new Map<string, () => [string, number][]>()
  let beating: NodeJS.Timeout

  const stored = async (session: string): Promise<number[]> =>
    (await platform.owner.query<{ sequence: string }>('select sequence from events where session = $1 order by sequence', [session])).rows.map((row) => Number(row.sequence))
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1)
  const reasons = async (session: string): Promise<string[]> =>
    (await platform.owner.query<{ reason: string }>('select reason from quarantine where session = $1 order by number', [session])).rows.map((row) => row.reason)
  const positionOf = async (session: string, sequence: number): Promise<number> =>
    Number((await platform.owner.query<{ position: string }>('select position from events where session = $1 and sequence = $2', [session, sequence])).rows[0]?.position)

  /** A proxy that publishes again what it is asked for, as far as it has it. */
  const serveProxy = (proxy: string): void => {
    platform.bus.serve(at(republish, proxy), async ({ session, from, to }) => {
      asked.push({ proxy, session, from, to })
      const script = scripts.get(session)
      if (script !== undefined) await platform.publish(proxy, script.events.slice(from - 1, to))
      return { published: script === undefined ? 0 : to - from + 1 }
    })
  }

  beforeAll(async () => {
    platform = await startPlatform()
    serveProxy('whole')
    beating = setInterval(() => {
      for (const [proxy, sessions] of alive) platform.bus.publish(proxyHeartbeatSubject(proxy), { proxy, sessions: sessions() })
    }, 200)
    await platform.startStore({ SALLYPORT_AUDIT_GAP_DEADLINE_MS: '1500', SALLYPORT_AUDIT_TAIL_AFTER_MS: '500', SALLYPORT_AUDIT_PROXY_LOST_AFTER_MS: '2000' })
  })
  afterAll(async () => {
    clearInterval(beating)
    await platform.stop()
  })

  it('has a gap filled by its proxy, and stores nothing beyond it before; other sessions go on', async () => {
    const script = wholeSession(10, { proxy: 'whole' })
    const other = wholeSession(2, { proxy: 'whole' })
    await platform.publish('whole', script.events.slice(0, 4))
    await platform.publish('whole', script.events.slice(6))
    await platform.publish('whole', other.events)
    await waitFor(async () => (await stored(other.session)).length === other.events.length)
    expect(await stored(script.session)).toEqual(numbers(4))
    expect((await platform.bus.call(storeStatus, {})).gaps).toBe(1)
    scripts.set(script.session, script)
    await waitFor(async () => (await stored(script.session)).length === script.events.length)
    expect(asked).toContainEqual({ proxy: 'whole', session: script.session, from: 5, to: 6 })
    expect(await stored(script.session)).toEqual(numbers(script.events.length))
    expect((await platform.owner.query('select from_sequence::int, to_sequence::int, resolution from gaps where session = $1', [script.session])).rows).toEqual([{ from_sequence: 5, to_sequence: 6, resolution: 'filled' }])
    expect(await platform.count('withheld')).toBe(0)
  })

  it('records a gap that nobody fills, then stores the rest, and never tells the proxy that the missing events are stored', async () => {
    const script = wholeSession(4, { proxy: 'gone' })
    const told: number[] = []
    platform.bus.subscribe(storedSubject('gone'), (payload) => { told.push(...(payload as { sessions: [string, number][] }).sessions.filter(([session]) => session === script.session).map(([, sequence]) => sequence)) })
    await platform.bus.flush()
    await platform.publish('gone', script.events.slice(0, 2))
    await platform.publish('gone', script.events.slice(3))
    await waitFor(async () => (await stored(script.session)).includes(script.events.length))
    expect(await stored(script.session)).toEqual(numbers(script.events.length).filter((number) => number !== 3))
    const { rows } = await platform.owner.query<{ position: string; body: Buffer }>('select position, body from events join payloads using (position) where type = $1 and subject = $2', [auditEventTypes.gap, script.session])
    expect(rows.map((row) => (JSON.parse(row.body.toString('utf8')) as { data: object }).data)).toMatchObject([{ session: script.session, proxy: 'gone', from: 3, to: 3 }])
    expect(Number(rows[0]!.position)).toBeLessThan(await positionOf(script.session, 4))
    expect(Math.max(...told)).toBe(2)
    expect(await platform.bus.call(watermarks, { sessions: [script.session] })).toEqual({ sessions: [[script.session, 2]] })

    await platform.publish('gone', script.events.slice(2, 3))
    await waitFor(async () => (await reasons(script.session)).length === 1)
    expect(await reasons(script.session)).toEqual(['late'])
  })

  it('sees from the heartbeat that the end of a session is missing', async () => {
    const script = newScript({ proxy: 'whole' })
    script.open()
    script.request()
    script.request()
    scripts.set(script.session, script)
    alive.set('whole', () => [[script.session, 3]])
    await platform.publish('whole', script.events.slice(0, 1))
    await waitFor(async () => (await stored(script.session)).length === 3)
    expect(asked).toContainEqual({ proxy: 'whole', session: script.session, from: 2, to: 3 })
    alive.delete('whole')
  })

  it('ends the sessions of a proxy that fell silent, and lets nothing of it in afterwards', async () => {
    const script = newScript({ proxy: 'silent' })
    const lives = newScript({ proxy: 'lively' })
    script.open()
    const done = script.request()
    script.finish(done)
    const open = script.request()
    lives.open()
    alive.set('lively', () => [[lives.session, 1]])
    await platform.publish('silent', script.events)
    await platform.publish('lively', lives.events)
    await waitFor(async () => (await platform.owner.query('select from sessions where id = $1 and status = \'lost\'', [script.session])).rowCount === 1)
    expect(await stored(script.session)).toEqual(numbers(5))
    expect((await platform.owner.query('select type, source like \'sallyport/audit-store/%\' as own from events where session = $1 and sequence = 5', [script.session])).rows).toEqual([{ type: sessionEventTypes.lost, own: true }])
    expect((await platform.owner.query('select id, status from commands where session = $1 order by sequence', [script.session])).rows).toEqual([{ id: done, status: 'completed' }, { id: open, status: 'lost' }])
    expect(await stored(lives.session)).toEqual([1])

    script.finish(open)
    script.request()
    await platform.publish('silent', script.events)
    await waitFor(async () => (await reasons(script.session)).length === 2)
    expect(await reasons(script.session)).toEqual(['fenced', 'fenced'])
    expect(await platform.bus.call(watermarks, { sessions: [script.session] })).toEqual({ sessions: [[script.session, 4]] })
    alive.delete('lively')
  })

  it('ends a session that its proxy, started again, no longer has', async () => {
    const script = newScript({ proxy: 'restarted' })
    script.open()
    alive.set('restarted', () => [])
    await platform.publish('restarted', script.events)
    await waitFor(async () => (await platform.owner.query('select from sessions where id = $1 and status = \'lost\'', [script.session])).rowCount === 1)
    alive.delete('restarted')
  })
})
