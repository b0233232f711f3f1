import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { storedSubject, watermarks } from '@sallyport/contracts/audit'
import { controlSubject, encodeBatch, sessionSubject } from '@sallyport/contracts/events'
import { newUuid } from '@sallyport/contracts/ids'
import { waitFor } from '@sallyport/testing'
import { commit } from '../src/ledger/commitment.js'
import { eventText, newScript, startPlatform, wholeSession, type Platform } from './fixtures.js'

describe('the store', () => {
  let platform: Platform
  const told: [string, number, number][] = []

  const storedTexts = async (session: string): Promise<string[]> =>
    (await platform.owner.query<{ body: Buffer }>('select body from events join payloads using (position) where session = $1 order by sequence', [session])).rows.map((row) => row.body.toString('utf8'))
  const reasons = async (where: string, value: string): Promise<string[]> =>
    (await platform.owner.query<{ reason: string }>(`select reason from quarantine where ${where} = $1 order by number`, [value])).rows.map((row) => row.reason)

  beforeAll(async () => {
    platform = await startPlatform()
    platform.bus.subscribe(storedSubject('px1'), async (payload) => {
      for (const [session, sequence] of (payload as { sessions: [string, number][] }).sessions) {
        told.push([session, sequence, await platform.count('events', `session = '${session}' and sequence <= ${sequence}`)])
      }
    })
    await platform.startStore()
  })
  afterAll(() => platform.stop())

  it('keeps the published bytes as they are, with a commitment that binds them', async () => {
    const script = wholeSession(3)
    script.events[2] = script.events[2]!.replace('"data":', '  "data" : ')
    await platform.publish('px1', script.events)
    await waitFor(async () => (await storedTexts(script.session)).length === script.events.length)
    expect(await storedTexts(script.session)).toEqual(script.events)
    const { rows } = await platform.owner.query<{ salt: Buffer; body: Buffer; commitment: Buffer }>('select salt, body, commitment from events join payloads using (position) where session = $1', [script.session])
    expect(rows.every((row) => commit(row.salt, row.body).equals(row.commitment))).toBe(true)
    expect(new Set(rows.map((row) => row.salt.toString('hex'))).size).toBe(rows.length)
  })

  it('stores each number once, however often and in whatever pieces it comes', async () => {
    const script = wholeSession(20)
    await platform.publish('px1', script.events.slice(0, 10))
    await platform.publish('px1', script.events.slice(5, 15))
    await platform.publish('px1', [...script.events.slice(0, 3), ...script.events.slice(10), ...script.events.slice(12)])
    await platform.publish('px1', script.events)
    await waitFor(async () => (await storedTexts(script.session)).length === script.events.length)
    const after = wholeSession(1)
    await platform.publish('px1', after.events)
    await waitFor(async () => (await storedTexts(after.session)).length === after.events.length)
    expect(await storedTexts(script.session)).toEqual(script.events)
  })

  it('tells the proxy how far it is only when that is committed', async () => {
    const script = wholeSession(50)
    for (const event of script.events) await platform.publish('px1', [event])
    await waitFor(() => told.some(([session, sequence]) => session === script.session && sequence === script.events.length))
    const mine = told.filter(([session]) => session === script.session)
    expect(mine.filter(([, sequence, found]) => found < sequence)).toEqual([])
    expect(await platform.bus.call(watermarks, { sessions: [script.session, 'ses_unknown'] })).toEqual({ sessions: [[script.session, script.events.length]] })
  })

  it('binds a session to the proxy that began it, whatever the event says', async () => {
    const script = newScript({ proxy: 'px1' })
    script.open()
    await platform.publish('px1', script.events)
    await waitFor(async () => (await storedTexts(script.session)).length === 1)
    script.request()
    await platform.publish('px2', script.events.slice(1))
    await waitFor(async () => (await reasons('session', script.session)).length === 1)
    expect(await reasons('session', script.session)).toEqual(['foreign-proxy'])
    await platform.publish('px1', script.events.slice(1))
    await waitFor(async () => (await storedTexts(script.session)).length === 2)
  })

  it('keeps another event under a used number aside, and the first one in its place', async () => {
    const script = newScript()
    script.open()
    script.request()
    const forged = [script.events[1]!, script.events[1]!].map((text, index) => text.replace(/"id":"[^"]+"/, `"id":"${newUuid()}"`).replace('SELECT 1', `SELECT ${index + 2}`))
    await platform.publish('px1', [...script.events, forged[0]!])
    await platform.publish('px1', [...script.events, forged[1]!])
    await waitFor(async () => (await reasons('session', script.session)).length === 2)
    expect(await reasons('session', script.session)).toEqual(['conflict', 'conflict'])
    expect(await storedTexts(script.session)).toEqual(script.events)
  })

  it('quarantines what is no event and goes on', async () => {
    const script = wholeSession(1)
    const before = await platform.count('quarantine')
    await platform.bus.append(sessionSubject('px3', 0), 'rubbish')
    await platform.bus.append(sessionSubject('px3', 0), Buffer.from([0x5b, 0x0a, 0xff, 0xfe, 0x0a, 0x5d]))
    await platform.bus.append(sessionSubject('px3', 0), encodeBatch(['{"specversion":"1.0"}', 'not json', '[]', 'null', ...script.events]))
    await platform.bus.append(sessionSubject('px3', 0), encodeBatch([eventText({ type: 'sallyport.approval.approved.v1', session: script.session, sequence: 9, data: {} })]))
    await platform.bus.append(controlSubject('masking'), encodeBatch([eventText({ type: 'sallyport.approval.approved.v1', subject: 'ap_1', sequence: 1, data: {} })]))
    await waitFor(async () => (await platform.count('quarantine')) === before + 8)
    expect((await reasons('origin', sessionSubject('px3', 0))).sort()).toEqual(['envelope', 'envelope', 'envelope', 'not-a-batch', 'not-json', 'not-utf8', 'wrong-subject'])
    expect(await storedTexts(script.session)).toEqual(script.events)
  })

  it('stores a statement with U+0000 and an event with wrong data, with an alarm', async () => {
    const script = newScript()
    script.open()
    const command = script.request({ statement: 'SELECT \u0000', parameters: ['\u0000'] })
    script.add('sallyport.command.held.v1', { command: 7 })
    script.finish(command)
    await platform.publish('px1', script.events)
    await waitFor(async () => (await platform.owner.query('select from commands where id = $1 and status = \'completed\'', [command])).rowCount === 1)
    expect(await storedTexts(script.session)).toEqual(script.events)
    expect(await reasons('session', script.session)).toEqual(['nul', 'data'])
    expect((await platform.owner.query('select statement from commands where id = $1', [command])).rows).toEqual([{ statement: 'SELECT \u2400' }])
  })

  it('stores types it does not know', async () => {
    const script = newScript()
    script.open()
    script.add('sallyport.terminal.resized.v7', { columns: 80 })
    await platform.publish('px1', script.events)
    await waitFor(async () => (await storedTexts(script.session)).length === 2)
    expect(await reasons('session', script.session)).toEqual([])
  })

  it('stores an event of the control plane once, by its id', async () => {
    const id = newUuid()
    const text = eventText({ type: 'sallyport.policy.put.v1', subject: `policy-${id}`, sequence: 1, data: { name: 'x' }, id })
    for (const batch of [[text, text], [text]]) await platform.bus.append(controlSubject('policy-decision'), encodeBatch(batch))
    const marker = wholeSession(1)
    await platform.publish('px1', marker.events)
    await waitFor(async () => (await storedTexts(marker.session)).length === marker.events.length)
    expect(await platform.count('events', `id = '${id}'`)).toBe(1)
  })
})
