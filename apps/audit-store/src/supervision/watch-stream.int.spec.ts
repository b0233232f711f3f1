import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { EVENT_STREAM, sessionSubject } from '@sallyport/contracts/events'
import { connectBus, type Bus } from '@sallyport/messaging'
import { startNats, temporaryDir, waitFor, type EmbeddedNats } from '@sallyport/testing'
import { Registry } from 'prom-client'
import { createMetrics } from '../metrics.js'
import { watchStream } from './watch-stream.js'

const BYTES_MAX = 1024 * 1024
let nats: EmbeddedNats
let bus: Bus

beforeAll(async () => {
  nats = await startNats({ dataDir: temporaryDir('watch-nats'), ephemeral: true })
  bus = await connectBus({ servers: nats.url, name: 'watch', instance: 'w1' })
  await bus.ensureEventStream({ bytesMax: BYTES_MAX })
})
afterAll(async () => {
  await bus.close()
  await nats.stop()
})

test('a stream that is four fifths full is an alarm, in the log and in the metrics, once', async () => {
  const registry = new Registry()
  const errors: object[] = []
  const stop = watchStream({ bus, logger: { error: (fields) => { errors.push(fields) }, warn: () => undefined }, metrics: createMetrics(registry), bytesMax: BYTES_MAX })
  const gauge = async (name: string): Promise<number> => (await registry.getSingleMetric(name)!.get()).values[0]!.value
  const fill = async (share: number): Promise<void> => { while ((await bus.streamState(EVENT_STREAM)).bytes < BYTES_MAX * share) await bus.append(sessionSubject('px', 0), 'x'.repeat(20_000)) }
  const seen = async (): Promise<void> => {
    const { bytes } = await bus.streamState(EVENT_STREAM)
    await waitFor(async () => await gauge('sallyport_audit_stream_bytes') === bytes)
  }
  await fill(0.6)
  await seen()
  expect(errors).toEqual([])
  expect(await gauge('sallyport_audit_stream_bytes_max')).toBe(BYTES_MAX)
  await fill(0.85)
  await seen()
  await fill(0.9)
  await seen()
  expect(errors).toEqual([{ bytes: expect.any(Number), bytesMax: BYTES_MAX, percent: expect.any(Number) }])
  await stop()
})
