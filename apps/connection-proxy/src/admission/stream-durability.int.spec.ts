import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { connectBus, type Bus } from '@sallyport/messaging'
import { startNats, temporaryDir, type EmbeddedNats } from '@sallyport/testing'
import { pino } from 'pino'
import { StreamDurability } from './stream-durability.js'

let nats: EmbeddedNats
let bus: Bus
/** Stands for the monitoring of a nats-server that is newer than the one here. */
let newer: Server
let answer: object
let asked = 0

beforeAll(async () => {
  nats = await startNats({ dataDir: temporaryDir('durability-nats'), ephemeral: true })
  bus = await connectBus({ servers: nats.url, name: 'px', instance: 'px-1' })
  newer = createServer((_, response) => {
    asked += 1
    response.end(JSON.stringify(answer))
  })
  await new Promise<void>((resolve) => { newer.listen(0, '127.0.0.1', resolve) })
})
afterAll(async () => {
  newer.close()
  await bus.close()
  await nats.stop()
})

const newerUrl = (): string => `http://127.0.0.1:${(newer.address() as AddressInfo).port}`
const durability = (monitorUrls: string | undefined, unchecked = false): StreamDurability => new StreamDurability({ bus, logger: pino({ level: 'silent' }), monitorUrls, unchecked })

test('a server that does not report that it syncs is refused, and one that nobody can ask', async () => {
  await expect(durability(nats.monitorUrl).check()).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('sync_interval: always') })
  await expect(durability(undefined).check()).rejects.toThrow('SALLYPORT_NATS_MONITOR_URL')
  await expect(durability('http://127.0.0.1:1').check()).rejects.toThrow('could not be asked')
  await expect(durability(nats.monitorUrl, true).check()).resolves.toBeUndefined()
})

test('one that does is asked now and then; every one of several must, and the one that takes the events must be among them', async () => {
  const jsz = (id: string | undefined, synced: boolean) => ({ server_id: id, now: 'x', config: { max_memory: 1, store_dir: '/x', ...(synced ? { sync_always: true } : { sync_interval: 120_000_000_000 }) } })
  const of = (next: object): StreamDurability => {
    answer = next
    return durability(newerUrl())
  }
  const good = of(jsz(bus.serverId, true))
  asked = 0
  await Promise.all([good.check(), good.check()])
  await good.check()
  expect(asked).toBe(1)
  await expect(of(jsz(bus.serverId, false)).check()).rejects.toThrow('sync_interval: always')
  await expect(of(jsz('ANOTHER', true)).check()).rejects.toThrow('other servers')
  await expect(of({ config: 'nonsense' }).check()).rejects.toThrow('could not be asked')
  answer = jsz(bus.serverId, true)
  await expect(durability(`${newerUrl()}, ${nats.monitorUrl}`).check()).rejects.toThrow('sync_interval: always')
})
