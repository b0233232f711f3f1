import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { watermarks } from '@sallyport/contracts/audit'
import { EVENT_STREAM } from '@sallyport/contracts/events'
import { proxyHeartbeatSchema } from '@sallyport/contracts/session'
import type { Bus } from '@sallyport/messaging'
import { freshBus, waitFor } from '@sallyport/testing'
import { pino } from 'pino'
import { Recorder } from './recorder.js'

let bus: Bus
let store: Bus
beforeAll(async () => {
  bus = await freshBus('recorder')
  store = await freshBus('store')
  await bus.ensureEventStream()
})
afterAll(async () => {
  await bus.close()
  await store.close()
})

const recorderOf = (proxy: string, carrier = bus): Recorder => new Recorder({ bus: carrier, proxy, partitions: 1, tailBytesMax: 1024 * 1024, hopelessAfterAsks: 1, logger: pino({ level: 'silent' }) })

/** Every session that heartbeats name until `enough` says so. */
const listedBy = async (proxy: string, recorder: Recorder, enough: (sessions: ReadonlySet<string>) => boolean): Promise<ReadonlySet<string>> => {
  const sessions = new Set<string>()
  const stop = store.subscribe(`sallyport.heartbeat.proxy.${proxy}`, (payload) => {
    for (const [session] of proxyHeartbeatSchema.parse(payload).sessions) sessions.add(session)
  })
  await store.flush()
  recorder.start()
  await waitFor(() => enough(sessions))
  await stop()
  return sessions
}

test('a connection that came to nothing leaves nothing behind: neither memory nor a line in the heartbeats', async () => {
  const recorder = recorderOf('px-quiet')
  for (let index = 0; index < 1_000; index += 1) recorder.end(recorder.open(`ses_probe-${index}`).session)
  const real = recorder.open('ses_real')
  real.append('sallyport.session.opened.v1', 'ses_real', '{}')
  expect([...await listedBy('px-quiet', recorder, (sessions) => sessions.has('ses_real'))]).toEqual(['ses_real'])
  recorder.end('ses_real')
  real.stored(1)
  await recorder.stop()
})

test('heartbeats of very many sessions come in messages that the bus takes', async () => {
  const recorder = recorderOf('px-many')
  const ids = Array.from({ length: 30_000 }, (_, index) => `ses_01890000-0000-7000-8000-${String(index).padStart(12, '0')}`)
  const records = ids.map((id) => recorder.open(id))
  for (const record of records) record.append('sallyport.session.opened.v1', record.session, '{}')
  expect((await listedBy('px-many', recorder, (sessions) => sessions.size === ids.length)).size).toBe(ids.length)
  for (const record of records) record.stored(1)
  await recorder.stop()
}, 30_000)

test('a session whose record the store will never take ends; at "stream" level it does not wait for the store', async () => {
  const recorder = recorderOf('px-hopeless')
  const stop = store.serve(watermarks, ({ sessions }) => ({ sessions: sessions.map((session): [string, number] => [session, 0]) }))
  await store.flush()
  recorder.start()
  const ended: string[] = []
  const [patient, waiting] = [recorder.open('ses_stream'), recorder.open('ses_stored')]
  patient.durability = 'stream'
  for (const record of [patient, waiting]) {
    record.onHopeless = () => { ended.push(record.session) }
    record.append('sallyport.session.opened.v1', record.session, '{}')
  }
  await waitFor(() => ended.length > 0)
  expect(ended).toEqual(['ses_stored'])
  for (const record of [patient, waiting]) record.stored(1)
  await stop()
  await recorder.stop()
}, 30_000)

test('what the store does not confirm is published again, once JetStream has it no more', async () => {
  let dropped = 0
  const lossy: Bus = { ...bus, get connected() { return true }, send: () => { dropped += 1 } }
  const recorder = recorderOf('px-lossy', lossy)
  recorder.start()
  const record = recorder.open('ses_lossy')
  const { lastSequence: before } = await store.streamState(EVENT_STREAM)
  record.append('sallyport.session.opened.v1', 'ses_lossy', '{}')
  record.append('sallyport.command.requested.v1', 'cmd_1', '{}')
  await waitFor(() => record.allPublished)
  expect(dropped).toBe(1)
  expect((await store.streamState(EVENT_STREAM)).lastSequence).toBe(before + 1)
  record.stored(2)
  // Confirmed in time: nothing is published twice.
  const sure = recorderOf('px-sure', { ...bus, get connected() { return true }, send: () => confirmed.stored(1) })
  sure.start()
  const confirmed = sure.open('ses_sure')
  confirmed.append('sallyport.session.opened.v1', 'ses_sure', '{}')
  await waitFor(() => confirmed.settled)
  await new Promise((resolve) => { setTimeout(resolve, 1_600) })
  expect(confirmed.allPublished).toBe(false)
  await recorder.stop()
  await sure.stop()
}, 30_000)

test('what the store will never have is given up once the session has ended, and its room is free again', async () => {
  const recorder = recorderOf('px-fenced')
  const stop = store.serve(watermarks, ({ sessions }) => ({ sessions: sessions.map((session): [string, number] => [session, 0]) }))
  await store.flush()
  recorder.start()
  const record = recorder.open('ses_fenced')
  record.append('sallyport.session.opened.v1', 'ses_fenced', '{}')
  recorder.end('ses_fenced')
  expect(recorder.tailBytes).toBeGreaterThan(0)
  await waitFor(() => recorder.tailBytes === 0, { timeoutMs: 20_000 })
  await stop()
  await recorder.stop()
}, 30_000)
