import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { eventViewSchema } from '@sallyport/contracts/audit'
import { freePort, waitFor } from '@sallyport/testing'
import type pg from 'pg'
import type { z } from 'zod'
import type { Platform } from './harness/platform.js'
import { startShop } from './harness/shop.js'

let platform: Platform

beforeAll(async () => {
  platform = await startShop({ proxyEnv: { SALLYPORT_ACKNOWLEDGE_MS: '1500' } })
}, 90_000)
afterAll(() => platform?.stop())

const destroy = (client: pg.Client): void => {
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
}

interface Said { readonly type: string; readonly sequence: number; readonly data: Record<string, unknown> }
const said = (events: readonly z.infer<typeof eventViewSchema>[]): Said[] =>
  events.map((each) => ({ type: each.type.replace(/^sallyport\.|\.v1$/g, ''), sequence: each.sequence, data: (each.event as { data: Record<string, unknown> }).data })).sort((a, b) => a.sequence - b.sequence)

/** The grammar of a session, and of each of its commands, from the log alone. */
const expectWhole = (events: readonly Said[]): void => {
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1))
  expect(events[0]?.type).toBe('session.opened')
  expect(events.filter(({ type }) => type === 'session.closed')).toHaveLength(1)
  expect(events.at(-1)).toMatchObject({ type: 'session.closed', data: { lastSequence: events.length } })
  const ends = new Map<string, string[]>()
  const note = (command: unknown, what: string): void => void ends.set(String(command), [...(ends.get(String(command)) ?? []), what])
  for (const { type, data } of events) {
    for (const finish of (data['finished'] as { command: string; outcome: string }[] | undefined) ?? []) note(finish.command, finish.outcome)
    if (type.startsWith('command.') && type !== 'command.chunk') note(data['command'], type.slice('command.'.length))
  }
  for (const [command, words] of ends) expect(`${command} ${words.join(' ')}`).toMatch(/^cmd_\S+ requested( held released)? (completed|failed|cancelled|lost)$|^cmd_\S+ requested( held)? (refused|withdrawn)$/)
}

const sessionsNow = async (): Promise<Set<string>> => {
  await platform.settled()
  return new Set((await platform.sessions()).map(({ id }) => id))
}

test('a client that leaves while its command is held, approved or released leaves a whole record, whose last event is its end', async () => {
  const before = await sessionsNow()
  for (let round = 0; round < 12; round += 1) {
    const client = await platform.client('shop', await platform.agentToken())
    // A second statement behind it: nothing of what was sent on may be taken up after the end.
    const held = Promise.all([client.query('delete from notes where id = 77').catch(() => undefined), client.query('select 1').catch(() => undefined)])
    const { id } = await platform.pending()
    if (round % 3 !== 0) void platform.approve(id).catch(() => undefined)
    await new Promise((resolve) => { setTimeout(resolve, round * 2) })
    destroy(client)
    await held
    await waitFor(async () => !['requested', 'approved'].includes((await platform.approval(id)).status), { timeoutMs: 10_000, what: 'the approval ending' })
  }
  await waitFor(async () => (await platform.sessions()).every(({ status }) => status !== 'open'), { timeoutMs: 10_000 })
  await platform.settled()
  const made = (await platform.sessions()).filter(({ id }) => !before.has(id))
  expect(made).toHaveLength(12)
  for (const { id } of made) {
    const events = said(await platform.events(id))
    expectWhole(events)
    for (const { data } of events.filter(({ type }) => type === 'command.withdrawn')) expect(data['approval']).toMatch(/^ap_/)
  }
}, 60_000)

test('a command whose record would be larger than the bus takes is recorded as head, and holds up nobody', async () => {
  const client = await platform.client('shop', await platform.agentToken())
  const columns = Array.from({ length: 950 }, (_, index) => `${'c'.repeat(50)}${index}`).join(', ')
  const statement = Array.from({ length: 16 }, () => `select ${columns} from notes`).join('; ')
  await expect(client.query(`${statement}; select '${'\u0001'.repeat(60_000)}'`)).rejects.toThrow()
  const { rows } = await client.query<{ n: string }>(`select repeat(chr(1), 120000) as n`)
  expect(rows[0]?.n).toHaveLength(120_000)
  const other = await platform.client('shop', await platform.agentToken())
  expect((await other.query('update notes set body = body where id = 1')).rowCount).toBe(1)
  await Promise.all([client.end(), other.end()])
}, 60_000)

test('a session that could not be recorded in time was never open, and the log says that it ended', async () => {
  const before = await sessionsNow()
  await platform.control.get('audit-store')!.stop()
  await expect(platform.client('shop', await platform.agentToken())).rejects.toThrow(/recorded/)
  await platform.startControl('audit-store')
  await platform.settled()
  const made = (await platform.sessions()).filter(({ id }) => !before.has(id))
  expect(made.map(({ status }) => status)).toEqual(['closed'])
  expectWhole(said(await platform.events(made[0]!.id)))
}, 60_000)

test('a proxy that is told to stop ends what is held and what runs with a word, and every record has its end', async () => {
  const before = await sessionsNow()
  const port = await freePort()
  const proxy = await platform.startProxy('px-drain', port)
  const held = await platform.client('shop', await platform.agentToken(), { port })
  const running = await platform.client('shop', await platform.issuer.token('dora', ['engineers']), { port })
  const idle = await platform.client('shop', await platform.agentToken(), { port })
  const gaveUp = held.query('delete from notes where id = 78').then(() => 'ran', (error: Error) => error.message)
  const cut = running.query('select pg_sleep(60)').then(() => 'ran', (error: Error) => error.message)
  const { id } = await platform.pending()
  await proxy.stop()
  expect(await gaveUp).toMatch(/shutting down/)
  expect(await cut).toMatch(/shutting down/)
  expect((await platform.approval(id)).status).toBe('withdrawn')
  await idle.end().catch(() => undefined)
  const direct = await platform.direct('shop')
  await waitFor(async () => (await direct.query('select from pg_stat_activity where state = \'active\' and query = \'select pg_sleep(60)\'')).rowCount === 0, { what: 'the target being told to cancel' })
  await direct.end()
  await platform.settled()
  const made = (await platform.sessions()).filter((session) => !before.has(session.id))
  expect(made.map(({ status }) => status)).toEqual(['closed', 'closed', 'closed'])
  for (const session of made) expectWhole(said(await platform.events(session.id)))
}, 60_000)
