import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { EVENT_STREAM, splitBatch } from '@sallyport/contracts/events'
import type { Bus } from '@sallyport/messaging'
import { freshBus, freshDatabase, startNats, temporaryDir, waitFor, type EmbeddedNats } from '@sallyport/testing'
import { aggregateTables, appendEvents, ConcurrencyError, openDatabase, outboxConfirmation, readEvents, startOutbox, type AggregateTables, type Database } from '../src/index.js'

let nats: EmbeddedNats
let bus: Bus
let url: string
let database: Database<AggregateTables>
const logger = { error: () => undefined, warn: () => undefined }
const open = () => openDatabase<AggregateTables>({ url, schema: 'things', migrations: { '0001_aggregates': aggregateTables, '0002_outbox': outboxConfirmation } })

beforeAll(async () => {
  nats = await startNats({ dataDir: temporaryDir('nats'), ephemeral: true })
  bus = await freshBus('api', { url: nats.url })
  await bus.ensureEventStream()
  url = await freshDatabase()
  database = await open()
})

afterAll(async () => {
  await database.close()
  await bus.close()
  await nats.stop()
})

const append = (id: string, expectedVersion: number, types: readonly string[], data: object = {}) =>
  database.kysely.transaction().execute((transaction) => appendEvents(transaction, { aggregate: 'thing', id, expectedVersion, actor: 'ada', events: types.map((type) => ({ type, data })) }))

test('several instances may open and migrate at once', async () => {
  const others = await Promise.all([open(), open(), open()])
  for (const other of others) {
    expect(await other.healthy()).toBe(true)
    await other.close()
  }
})

test('of two writers that saw the same version one wins', async () => {
  const tries = await Promise.allSettled([append('race', 0, ['sallyport.thing.made.v1']), append('race', 0, ['sallyport.thing.made.v1'])])
  expect(tries.map((each) => each.status).sort()).toEqual(['fulfilled', 'rejected'])
  expect((tries.find((each) => each.status === 'rejected') as PromiseRejectedResult).reason).toBeInstanceOf(ConcurrencyError)
  expect((await readEvents(database.kysely, { aggregate: 'thing', id: 'race' })).map((event) => event.version)).toEqual([1])
})

test('a rolled back append leaves nothing, neither here nor on the bus', async () => {
  await expect(database.kysely.transaction().execute(async (transaction) => {
    await appendEvents(transaction, { aggregate: 'thing', id: 'undone', expectedVersion: 0, actor: 'ada', events: [{ type: 'sallyport.thing.made.v1', data: {} }] })
    throw new Error('changed my mind')
  })).rejects.toThrow('changed my mind')
  expect(await readEvents(database.kysely, { aggregate: 'thing', id: 'undone' })).toEqual([])
})

test('committed events are relayed in order within an aggregate, also after the bus was away, and large ones too', async () => {
  const seen = new Map<string, { subject: string; sequence: string; actor: string }>()
  const order: string[] = []
  const stopReading = bus.consume({
    stream: EVENT_STREAM, durable: 'reader', batch: 50,
    handler: async (messages) => {
      for (const text of messages.flatMap((message) => splitBatch(Buffer.from(message.data).toString()))) {
        const event = JSON.parse(text) as { id: string; subject: string; sequence: string; data: { actor: string } }
        if (!seen.has(event.id) && event.subject === 'ordered') order.push(event.sequence)
        seen.set(event.id, { subject: event.subject, sequence: event.sequence, actor: event.data.actor })
      }
    },
  })
  nats.kill()
  for (let version = 0; version < 20; version += 1) await append('ordered', version, ['sallyport.thing.changed.v1'], { text: 'x'.repeat(100_000) })
  const stop = startOutbox({ database, bus, service: 'api', source: 'test', logger })
  await nats.restart()
  await waitFor(() => seen.size >= 21, { timeoutMs: 20_000 })
  await stop()
  await stopReading()
  expect(order).toEqual(Array.from({ length: 20 }, (_, index) => String(index + 1).padStart(12, '0')))
  expect([...seen.values()].every((event) => event.actor === 'ada')).toBe(true)
  expect(seen.size).toBe(21)
}, 40_000)
