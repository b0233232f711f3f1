import { rmSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { EVENT_STREAM } from '@sallyport/contracts/events'
import { connectBus, type Bus } from '@sallyport/messaging'
import { aggregateTables, appendEvents, openDatabase, outboxConfirmation, startOutbox, type AggregateTables, type Database } from '@sallyport/persistence'
import { startService, type RunningService } from '@sallyport/runtime'
import { freshDatabase, startNats, temporaryDir, waitFor, type EmbeddedNats } from '@sallyport/testing'
import pg from 'pg'
import { service } from '../src/index.js'

const dataDir = temporaryDir('confirm-nats')
let nats: EmbeddedNats
let bus: Bus
let things: Database<AggregateTables>
let env: Record<string, string>
let stopOutbox: () => void | Promise<void>
const stores: RunningService[] = []

const startStore = async (): Promise<void> => { stores.push(await startService(service, env)) }
const stopStores = async (): Promise<void> => { for (const store of stores.splice(0)) await store.stop() }
const change = (version: number) => things.kysely.transaction().execute((transaction) =>
  appendEvents(transaction, { aggregate: 'policy', id: 'p', expectedVersion: version, actor: 'ada', events: [{ type: 'sallyport.policy.changed.v1', data: { version } }] }))
const rows = () => things.kysely.selectFrom('aggregate_events').selectAll().orderBy('version').execute()
const published = () => waitFor(async () => (await rows()).every((row) => row.published_at !== null), { what: 'everything published' })
const confirmed = () => waitFor(async () => (await rows()).every((row) => row.stored_at !== null), { what: 'everything confirmed', timeoutMs: 20_000 })
const kept = async (): Promise<string[]> => {
  const client = new pg.Client({ connectionString: env['SALLYPORT_DATABASE_URL'] })
  await client.connect()
  const { rows: events } = await client.query<{ id: string }>('select id from audit_store.events where subject = \'p\' order by position')
  await client.end()
  return events.map(({ id }) => id)
}

beforeAll(async () => {
  nats = await startNats({ dataDir })
  bus = await connectBus({ servers: nats.url, name: 'policy-decision', instance: 'test' })
  things = await openDatabase<AggregateTables>({ url: await freshDatabase(), schema: 'things', migrations: { '0001': aggregateTables, '0002': outboxConfirmation } })
  env = { SALLYPORT_NATS_URL: nats.url, SALLYPORT_DATABASE_URL: await freshDatabase(), SALLYPORT_LOG_LEVEL: process.env['TEST_LOG'] ?? 'silent', SALLYPORT_AUDIT_STREAM_BYTES: String(2 * 1024 * 1024) }
  stopOutbox = startOutbox({ database: things, bus, service: 'policy-decision', source: 'test', logger: { error: () => undefined, warn: () => undefined }, againAfterMs: 100 })
})
afterAll(async () => {
  await stopOutbox()
  await stopStores()
  await things.close()
  await bus.close()
  await nats.stop()
})

test('an event stays open in its outbox until the store has it', async () => {
  await startStore()
  await change(0)
  await confirmed()
  await stopStores()
  await change(1)
  await published()
  expect((await rows()).map((row) => row.stored_at !== null)).toEqual([true, false])
  await startStore()
  await confirmed()
  expect(await kept()).toEqual((await rows()).map((row) => row.event_id))
})

test('events that went with the whole bus, while the store was away, are published again and stored once', async () => {
  await stopStores()
  for (let version = 2; version < 6; version += 1) await change(version)
  await published()
  const before = await bus.streamState(EVENT_STREAM)
  nats.kill()
  await waitFor(() => !bus.connected)
  rmSync(path.join(dataDir, 'jetstream'), { recursive: true })
  await nats.restart()
  await waitFor(() => bus.connected)
  await startStore()
  await confirmed()
  expect((await bus.streamState(EVENT_STREAM)).created).not.toBe(before.created)
  expect((await kept()).sort()).toEqual((await rows()).map((row) => row.event_id).sort())
})

test('a running store makes the stream anew when it is lost', async () => {
  nats.kill()
  await waitFor(() => !bus.connected)
  rmSync(path.join(dataDir, 'jetstream'), { recursive: true })
  await nats.restart()
  await waitFor(() => bus.connected)
  await change(6)
  await confirmed()
  expect(await kept()).toHaveLength(7)
})
