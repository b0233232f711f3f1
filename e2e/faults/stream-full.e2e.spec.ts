import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { listCommands } from '@sallyport/contracts/audit'
import { EVENT_STREAM } from '@sallyport/contracts/events'
import { freePort, waitFor } from '@sallyport/testing'
import type pg from 'pg'
import type { Platform } from '../harness/platform.js'
import { startProxy } from '../harness/services.js'
import { startShop } from '../harness/shop.js'

let platform: Platform

beforeAll(async () => { platform = await startShop({ streamBytes: 1024 * 1024, proxyEnv: { SALLYPORT_ACKNOWLEDGE_MS: '1000' } }) }, 90_000)
afterAll(async () => { await platform?.stop() })

const list = (cursor: string | null) => platform.bus.call(listCommands, { status: 'completed', connection: 'shop-stream', limit: 1000, ...(cursor === null ? {} : { cursor }) })
const run = (client: pg.Client, number: number) => client.query(`select ${number} as number /* ${'x'.repeat(8_000)} */`)

test('a stream that fills while the store is away refuses commands in plain words, loses nothing, and recovers by itself', async () => {
  const client = await platform.client('shop-stream', await platform.agentToken())
  await platform.settled()
  await platform.control.get('audit-store')!.stop()
  let succeeded = 0
  const fill = async (): Promise<void> => { for (;; succeeded += 1) await run(client, succeeded) }
  await expect(fill()).rejects.toMatchObject({ code: '57P03', message: expect.stringMatching(/record/i) })
  expect(succeeded).toBeGreaterThan(20)
  const { bytes, bytesMax } = await platform.bus.streamState(EVENT_STREAM)
  expect(bytes).toBeGreaterThan(bytesMax * 0.8)

  await platform.startControl('audit-store')
  const back = await platform.client('shop-stream', await platform.agentToken())
  await waitFor(() => run(back, succeeded).then(() => true), { what: 'commands again', timeoutMs: 20_000 })
  await platform.settled()
  const completed = new Set<string | undefined>()
  let cursor: string | null = null
  do {
    const page: Awaited<ReturnType<typeof list>> = await list(cursor)
    for (const { statement } of page.items) completed.add(/select (\d+) as/.exec(statement)?.[1])
    cursor = page.next
  } while (cursor !== null)
  expect([...Array(succeeded + 1).keys()].filter((number) => !completed.has(String(number)))).toEqual([])
  expect((await platform.bus.streamState(EVENT_STREAM)).bytes).toBeLessThan(bytesMax * 0.1)
  await Promise.allSettled([client.end(), back.end()])
}, 120_000)

test('durability "stream" is refused by a proxy whose nats-server does not report that it syncs before it acknowledges; "stored" is served', async () => {
  const port = await freePort()
  platform.proxies.push(await startProxy(platform.backing, platform.secrets, 'px-checked', port, { SALLYPORT_STREAM_DURABILITY: 'checked', SALLYPORT_NATS_MONITOR_URL: platform.nats.monitorUrl }))
  await expect(platform.client('shop-stream', await platform.agentToken(), { port })).rejects.toMatchObject({ code: '57P03', message: expect.stringContaining('sync_interval: always') })
  const stored = await platform.client('shop', await platform.agentToken(), { port })
  expect((await stored.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await stored.end()
}, 60_000)
