import { deflateRawSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { approvalEventTypes } from '@sallyport/contracts/approval'
import { getSession, listCommands, listEvents, listSessions, rebuildProjections, replay, storeStatus } from '@sallyport/contracts/audit'
import { controlSubject, encodeBatch } from '@sallyport/contracts/events'
import { newId } from '@sallyport/contracts/ids'
import { resultMember, sessionEventTypes } from '@sallyport/contracts/session'
import { waitFor } from '@sallyport/testing'
import { agent, alice, eventText, finishData, newScript, startPlatform, wholeSession, type Platform } from './fixtures.js'

const bob = { ...alice, subject: 'bob', uid: 'bob', chain: [] }

describe('questions to the log', () => {
  let platform: Platform
  let total = 0
  const publish = async (proxy: string, events: readonly string[]): Promise<void> => {
    await platform.publish(proxy, events)
    total += events.length
  }
  const approvalEvent = (approval: string, sequence: number, type: string, about: object, data: object): string =>
    eventText({ type, subject: approval, sequence, data: { approval, uid: 'coding-agent', connection: 'orders-prod', action: 'sql.delete', at: '2026-11-22T10:00:00.000Z', ...about, ...data } })

  beforeAll(async () => {
    platform = await startPlatform()
    await platform.startStore()
  })
  afterAll(() => platform.stop())

  it('replays a session with everything that happened to each command', async () => {
    const script = newScript()
    const approval = newId('ap')
    const other = newId('ap')
    script.open()
    const read = script.request({ statement: 'SELECT 1' })
    const refused = script.request({ statement: 'DROP TABLE t', finished: [finishData(read, { result: { columns: ['a'], rows: [['******']], truncated: false } })] })
    script.add(sessionEventTypes.commandRefused, { command: refused, code: 'denied', reason: 'no', policies: ['no-schema-changes'] }, refused)
    const held = script.request({ statement: 'DELETE FROM t WHERE id = 1', decision: { outcome: 'hold', policies: ['writes-need-a-dba'], revision: 2 } })
    script.add(sessionEventTypes.held, { command: held, approval, mode: 'hold', needs: [] }, held)
    script.add(sessionEventTypes.released, { command: held, approval, approvedBy: ['bob'] }, held)
    script.finish(held, { outcome: 'failed', error: { code: '42P01', message: 'x' } })
    const denied = script.request({ statement: 'DELETE FROM t' })
    script.add(sessionEventTypes.held, { command: denied, approval: other, mode: 'hold', needs: [] }, denied)
    script.add(sessionEventTypes.commandRefused, { command: denied, code: 'denied', reason: 'not today', policies: [], approval: other }, denied)
    script.close()
    await publish('px1', script.events)
    const about = { session: script.session, command: held }
    const resolution = { by: 'bob', groups: ['dba'], verdict: 'approve', comment: 'fine', at: '2026-11-22T10:00:00.000Z' }
    const events = [
      approvalEvent(approval, 2, approvalEventTypes.resolutionRecorded, about, { status: 'approved', ...resolution }),
      approvalEvent(approval, 3, approvalEventTypes.approved, about, { status: 'approved', by: ['bob'], lapsesAt: '2026-11-22T10:00:00.000Z' }),
      approvalEvent(approval, 5, approvalEventTypes.executed, about, { status: 'executed', outcome: 'failed' }),
      approvalEvent(approval, 4, approvalEventTypes.released, about, { status: 'released', releasedTo: { proxy: 'px1', command: held } }),
      approvalEvent(other, 2, approvalEventTypes.resolutionRecorded, { session: script.session, command: denied }, { status: 'requested', ...resolution, by: 'carol', verdict: 'deny', comment: 'not today' }),
      approvalEvent(other, 3, approvalEventTypes.denied, { session: script.session, command: denied }, { status: 'denied', by: 'carol', comment: 'not today' }),
    ]
    await platform.bus.append(controlSubject('approval'), encodeBatch(events))
    total += events.length
    await platform.stored(total)

    const answer = await platform.bus.call(replay, { id: script.session })
    expect(answer.principal).toEqual(agent)
    expect(answer.session).toMatchObject({ id: script.session, status: 'closed', commands: 4, uid: 'coding-agent', onBehalfOf: ['alice'], lastSequence: script.events.length, reason: 'client' })
    expect(answer.entries).toMatchObject([
      { id: read, status: 'completed', approval: null, refusal: null, finish: { rows: 1, result: { rows: [['******']] } }, resolutions: [] },
      { id: refused, status: 'refused', refusal: { code: 'denied', reason: 'no' }, finish: null },
      { id: held, status: 'failed', approval: { id: approval, status: 'executed', by: ['bob'] }, finish: { error: { code: '42P01' } }, resolutions: [{ by: 'bob', verdict: 'approve', comment: 'fine' }] },
      { id: denied, status: 'refused', approval: { id: other, status: 'denied', by: ['carol'] }, resolutions: [{ by: 'carol', verdict: 'deny', comment: 'not today' }] },
    ])
    const first = await platform.bus.call(replay, { id: script.session, limit: 3 })
    const second = await platform.bus.call(replay, { id: script.session, limit: 3, cursor: first.next! })
    expect([...first.entries, ...second.entries]).toEqual(answer.entries)
    expect(second.next).toBeNull()
  })

  it('shows a person without a role his own sessions and those on his behalf, and no others', async () => {
    const own = newScript({ principal: { ...alice, chain: [] } })
    const foreign = newScript({ principal: bob, connection: 'payroll' })
    for (const script of [own, foreign]) {
      script.open()
      script.request()
      await publish('px1', script.events)
    }
    await platform.stored(total)
    const ids = (await platform.bus.call(listSessions, { uid: 'alice' })).items.map((item) => item.id)
    expect(ids[0]).toBe(own.session)
    expect(ids).not.toContain(foreign.session)
    expect(ids.length).toBe(2)
    await expect(platform.bus.call(getSession, { id: foreign.session, uid: 'alice' })).rejects.toMatchObject({ code: 'not-found' })
    await expect(platform.bus.call(replay, { id: foreign.session, uid: 'alice' })).rejects.toMatchObject({ code: 'not-found' })
    expect((await platform.bus.call(listCommands, { uid: 'alice', session: foreign.session })).items).toEqual([])
    expect((await platform.bus.call(listEvents, { uid: 'alice', session: foreign.session })).items).toEqual([])
    expect((await platform.bus.call(listEvents, { uid: 'alice' })).items.every((item) => item.session !== null)).toBe(true)
    expect((await platform.bus.call(listCommands, { connection: 'payroll' })).items).toMatchObject([{ session: foreign.session, uid: 'bob', connection: 'payroll' }])
  })

  it('takes the signs of a search text as they are', async () => {
    const script = newScript()
    script.open()
    const texts = [String.raw`SELECT '100%' -- a_b\c`, 'SELECT \'100 percent\' -- axbxc', 'SELECT \'; drop table commands; --']
    const commands = texts.map((statement) => script.request({ statement }))
    await publish('px1', script.events)
    await platform.stored(total)
    const find = async (text: string): Promise<string[]> => (await platform.bus.call(listCommands, { text, session: script.session })).items.map((item) => item.id)
    expect(await find('100%')).toEqual([commands[0]])
    expect(await find('A_B')).toEqual([commands[0]])
    expect(await find(String.raw`b\c`)).toEqual([commands[0]])
    expect(await find('\'; DROP')).toEqual([commands[2]])
    expect(await find('select')).toHaveLength(3)
    expect((await platform.bus.call(listEvents, { text: '100%', session: script.session })).items).toHaveLength(1)
  })

  it('pages through everything once, also when a page would be too long for the bus', async () => {
    const script = newScript()
    script.open()
    for (let index = 0; index < 12; index += 1) script.request({ statement: `SELECT ${index} ${'x'.repeat(120_000)}` })
    for (const event of script.events) await publish('px1', [event])
    await platform.stored(total)
    const seen: number[] = []
    let cursor: string | undefined
    do {
      const answer = await platform.bus.call(listCommands, { session: script.session, limit: 1000, ...(cursor === undefined ? {} : { cursor }) })
      seen.push(...answer.items.map((item) => item.sequence))
      cursor = answer.next ?? undefined
    } while (cursor !== undefined)
    expect(seen).toEqual([13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2])
    await expect(platform.bus.call(listCommands, { cursor: 'nonsense!' })).rejects.toMatchObject({ code: 'invalid' })
  })

  it('shows a deflated result as the rows that it holds, and one that no proxy wrote as nothing kept', async () => {
    const result = { columns: ['id', 'ort'], rows: Array.from({ length: 3_000 }, (_, index) => [String(index), index % 5 === 0 ? null : 'Köln \u0000']), truncated: true }
    const deflated = (text: string): string => deflateRawSync(text).toString('base64')
    const member = resultMember(result)
    expect(member).toHaveProperty('resultDeflated')
    const bomb = deflated(JSON.stringify({ ...result, rows: [['x'.repeat(64 * 1024 * 1024)]] }))
    const cases: readonly object[] = [member, { resultDeflated: bomb }, { resultDeflated: deflated('not JSON') }, { resultDeflated: deflated('{"rows":7}') }, { resultDeflated: deflated('['.repeat(100_000)) }, { resultDeflated: 'AAAA' }]
    const script = newScript()
    script.open()
    for (const more of cases) script.finish(script.request(), more)
    await publish('px1', script.events)
    await platform.stored(total)
    const { entries } = await platform.bus.call(replay, { id: script.session })
    const nothing = { columns: [], rows: [], truncated: true }
    expect(entries.map((entry) => entry.finish?.result)).toEqual([result, nothing, nothing, nothing, nothing, nothing])
    expect(entries.every((entry) => entry.finish?.rows === 1 && !('resultDeflated' in entry.finish))).toBe(true)
    const { items } = await platform.bus.call(listCommands, { session: script.session, limit: 1000 })
    expect(items.at(-1)?.finish?.result).toEqual(result)
    // Neither kept apart nor shown: what is not even text.
    script.finish(script.request(), { resultDeflated: 7 })
    await publish('px1', script.events.slice(-2))
    await platform.stored(total)
    expect((await platform.bus.call(listCommands, { session: script.session, limit: 1 })).items[0]).toMatchObject({ status: 'completed', finish: null })
  })

  it('rebuilds its projections while events come in, to the same', async () => {
    const snapshot = async (): Promise<unknown> => ({
      sessions: (await platform.owner.query('select id, position, connection, uid, on_behalf_of, status, opened_at, closed_at, reason, commands, last_sequence, principal::text from sessions order by id')).rows,
      commands: (await platform.owner.query('select id, position, session, sequence, connection, uid, action, statement, parameters::text, decision::text, status, approval_id, approved_by, refusal_code, refusal_reason, finish::text from commands order by id')).rows,
      approvals: (await platform.owner.query('select * from approvals order by id')).rows,
      resolutions: (await platform.owner.query('select * from resolutions order by approval, version')).rows,
    })
    for (let index = 0; index < 60; index += 1) await publish('px1', wholeSession(100).events)
    await platform.stored(total)
    await platform.owner.query('update commands set statement = \'spoilt\'')
    const old = (await platform.owner.query<{ oid: number }>('select \'commands\'::regclass::oid as oid')).rows[0]?.oid
    const later = Array.from({ length: 60 }, () => wholeSession(20))
    const publishing = (async () => {
      for (const script of later) {
        await publish('px1', script.events.slice(0, 11))
        await publish('px1', script.events.slice(11))
      }
    })()
    await platform.bus.call(rebuildProjections, {})
    await expect(platform.bus.call(rebuildProjections, {})).rejects.toMatchObject({ code: 'conflict' })
    await publishing
    await waitFor(async () => !(await platform.bus.call(storeStatus, {})).rebuilding && (await platform.owner.query<{ oid: number }>('select \'commands\'::regclass::oid as oid')).rows[0]?.oid !== old, { timeoutMs: 30_000 })
    await platform.stored(total)
    const live = await snapshot()
    expect(await platform.count('commands', 'statement = \'spoilt\'')).toBe(0)
    expect(await platform.count('commands', 'status = \'completed\'')).toBe(60 * 100 + 60 * 20 + 8)
    await platform.bus.call(rebuildProjections, {})
    await waitFor(async () => !(await platform.bus.call(storeStatus, {})).rebuilding, { timeoutMs: 30_000 })
    expect(await snapshot()).toEqual(live)
    expect(await platform.bus.call(storeStatus, {})).toMatchObject({ stored: total, lag: 0, projectionLag: 0, gaps: 0, quarantined: 0 })
  })
})
