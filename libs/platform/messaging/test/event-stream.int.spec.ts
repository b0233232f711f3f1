import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { jetstreamManager, RetentionPolicy } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { EVENT_STREAM, EVENT_SUBJECTS, sessionSubject } from '@sallyport/contracts/events'
import { startNats, temporaryDir, waitFor, type EmbeddedNats } from '@sallyport/testing'
import { connectBus, type Bus, type Stop } from '../src/index.js'

let nats: EmbeddedNats
let bus: Bus
const subject = sessionSubject('px', 0)
const MEBIBYTE = 1024 * 1024

beforeEach(async () => {
  nats = await startNats({ dataDir: temporaryDir('event-stream'), ephemeral: true })
  bus = await connectBus({ servers: nats.url, name: 'events', instance: 'e1' })
})
afterEach(async () => {
  await bus.close()
  await nats.stop()
})

const bytes = async (): Promise<number> => (await bus.streamState(EVENT_STREAM)).bytes
/** Reads as the store does: what it has handled is in `taken`, which is also its position. */
const read = (taken: number[], more: { readonly ready?: () => boolean } = {}): Stop => bus.consume({
  stream: EVENT_STREAM, durable: 'audit-store', batch: 8, startAfter: async () => taken.at(-1) ?? 0,
  handler: async (messages) => {
    if (more.ready?.() === false) throw new Error('the database is away')
    taken.push(...messages.map(({ sequence }) => sequence))
  },
})

test('what is stored leaves the stream, what is not stays, also when the reader comes and goes', async () => {
  await bus.ensureEventStream({ bytesMax: MEBIBYTE })
  for (let index = 0; index < 20; index += 1) await bus.append(subject, `[${index}]`)
  expect(await bytes()).toBeGreaterThan(0)
  const taken: number[] = []
  let ready = true
  let stop = read(taken, { ready: () => ready })
  await waitFor(async () => taken.length === 20 && (await bytes()) === 0)
  ready = false
  for (let index = 0; index < 20; index += 1) await bus.append(subject, `[${index}]`)
  expect(await bytes()).toBeGreaterThan(0)
  await stop()
  expect(await bytes()).toBeGreaterThan(0)
  ready = true
  stop = read(taken)
  await waitFor(async () => taken.length === 40 && (await bytes()) === 0)
  await stop()
  expect(taken).toEqual(Array.from({ length: 40 }, (_, index) => index + 1))
})

test('what the reader has stored, and could not acknowledge, is acknowledged and not handed over again', async () => {
  await bus.ensureEventStream({ bytesMax: MEBIBYTE })
  for (let index = 0; index < 10; index += 1) await bus.append(subject, `[${index}]`)
  const taken = [7]
  const stop = read(taken)
  await waitFor(async () => taken.length === 4 && (await bytes()) === 0)
  await stop()
  expect(taken).toEqual([7, 8, 9, 10])
})

test('a full stream refuses with its reason, keeps all that it took, and takes again by itself once some is stored', async () => {
  await bus.ensureEventStream({ bytesMax: MEBIBYTE })
  const accepted: number[] = []
  const fill = async (): Promise<void> => { for (;;) accepted.push(await bus.append(subject, 'x'.repeat(60_000))) }
  await expect(fill()).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('maximum bytes') })
  expect(accepted.length).toBeGreaterThan(10)
  const taken: number[] = []
  const stop = read(taken)
  await waitFor(async () => (await bytes()) === 0)
  expect(taken).toEqual(accepted)
  await bus.append(subject, 'x'.repeat(60_000))
  await waitFor(() => taken.length === accepted.length + 1)
  await stop()
})

test('a stream that was made to keep what is stored is used as it is, and said to be one', async () => {
  const connection = await connect({ servers: nats.url })
  const manager = await jetstreamManager(connection)
  await manager.streams.add({ name: EVENT_STREAM, subjects: [EVENT_SUBJECTS], retention: RetentionPolicy.Limits, max_bytes: MEBIBYTE, deny_delete: true, deny_purge: true })
  for (let index = 0; index < 10; index += 1) await bus.append(subject, `[${index}]`)
  expect(await bus.ensureEventStream()).toMatchObject({ keepsStored: true, bytesMax: MEBIBYTE, lastSequence: 10 })
  const taken = [4]
  const stop = read(taken)
  await waitFor(() => taken.at(-1) === 10)
  await stop()
  expect(taken).toEqual([4, 5, 6, 7, 8, 9, 10])
  await manager.streams.delete(EVENT_STREAM)
  expect(await bus.ensureEventStream()).toMatchObject({ keepsStored: false, lastSequence: 0 })
  await connection.close()
})
