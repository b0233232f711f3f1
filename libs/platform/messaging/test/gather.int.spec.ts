import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { EVENT_STREAM, isPatientSubject, PATIENT_PARTITION, sessionSubject } from '@sallyport/contracts/events'
import { startNats, temporaryDir, waitFor, type EmbeddedNats } from '@sallyport/testing'
import { connectBus, type Bus } from '../src/index.js'

let nats: EmbeddedNats
let bus: Bus

beforeAll(async () => {
  nats = await startNats({ dataDir: temporaryDir('nats'), ephemeral: true })
  bus = await connectBus({ servers: nats.url, name: 'gathering', instance: 'g1' })
  await bus.ensureEventStream()
})

afterAll(async () => {
  await bus.close()
  await nats.stop()
})

const patient = sessionSubject('px', PATIENT_PARTITION)
const urgent = sessionSubject('px', 0)

test('what nobody waits for gathers until something urgent comes, or there is much of it; order stays', async () => {
  const batches: number[][] = []
  const stop = bus.consume({
    stream: EVENT_STREAM, durable: 'gathering', batch: 128, gather: { patient: isPatientSubject, ms: 2 ** 31 - 1 },
    handler: async (messages) => void batches.push(messages.map(({ sequence }) => sequence)),
  })
  await bus.append(urgent, '[]')
  await waitFor(() => batches.length === 1)
  for (let index = 0; index < 3; index += 1) await bus.append(patient, '[]')
  await bus.append(urgent, '[]')
  await waitFor(() => batches.flat().length === 5)
  expect(batches).toEqual([[1], [2, 3, 4, 5]])
  await Promise.all(Array.from({ length: 64 }, () => bus.append(patient, '[]')))
  await waitFor(() => batches.length === 3)
  expect(batches[2]).toHaveLength(64)
  await bus.append(patient, '[]')
  await stop()
})

test('only partitions of sessions that don\'t wait are patient', () => {
  expect([patient, sessionSubject('px', PATIENT_PARTITION + 63)].every(isPatientSubject)).toBe(true)
  expect([urgent, sessionSubject('px', 63), sessionSubject('px', 100), 'sallyport.evt.control.api', sessionSubject('px.1000', 0)].some(isPatientSubject)).toBe(false)
})
