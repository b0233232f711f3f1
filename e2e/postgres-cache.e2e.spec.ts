import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { confirmStored, watermarks } from '@sallyport/contracts/audit'
import { MASKING_HEARTBEAT, POLICY_HEARTBEAT } from '@sallyport/contracts/policy'
import type pg from 'pg'
import { freePort, waitFor } from '@sallyport/testing'
import { startFaultProxy } from './harness/fault-proxy.js'
import type { Platform } from './harness/platform.js'
import { startProxy } from './harness/services.js'
import { POLICIES, startShop } from './harness/shop.js'

let platform: Platform
let agent: pg.Client

beforeAll(async () => {
  platform = await startShop()
  agent = await platform.client('shop-stream', await platform.agentToken())
}, 90_000)

afterAll(async () => {
  await agent?.end()
  await platform?.stop()
})

const byId = (client: pg.Client, id: number) => client.query({ name: 'by-id', text: 'select status from orders where id = $1', values: [id] })
const FORBID_READS = `${POLICIES}\n@id("no-reads") @reason("Reads are off.") forbid (principal in Group::"ai-agents", action in Action::"read", resource);`

const ownClock = new Set<string>([watermarks.subject, confirmStored.subject])

/** Listens for heartbeats; the function that it answers stops and says how long the longest silence was, in milliseconds. */
const longestGap = (subject: string): (() => Promise<number>) => {
  let last = performance.now()
  let longest = 0
  const beat = (): void => {
    longest = Math.max(longest, performance.now() - last)
    last = performance.now()
  }
  const stop = platform.bus.subscribe(subject, beat)
  return async () => {
    beat()
    await stop()
    return longest
  }
}

/** Runs until refused; answers how many milliseconds that took. Fails when it is never refused. */
const untilRefused = async (client: pg.Client): Promise<{ error: pg.DatabaseError; afterMs: number }> => {
  const start = performance.now()
  while (performance.now() - start < 10_000) {
    const error = await byId(client, 1).then(() => undefined, (thrown: pg.DatabaseError) => thrown)
    if (error !== undefined) return { error, afterMs: performance.now() - start }
  }
  throw new Error('never refused')
}

test('10,000 executions of one prepared statement ask nobody anything', async () => {
  await byId(agent, 1)
  await byId(agent, 2)
  const asked: string[] = []
  const stop = platform.bus.subscribe('sallyport.rpc.>', (_, subject) => { asked.push(subject) })
  const heartbeats = [POLICY_HEARTBEAT, MASKING_HEARTBEAT].map((subject) => longestGap(subject))
  await platform.bus.flush()
  for (let run = 0; run < 10_000; run += 1) await byId(agent, (run % 3) + 1)
  await stop()
  const late = (await Promise.all(heartbeats.map((end) => end()))).some((gapMs) => gapMs > 800)
  // The proxy, and outboxes, ask the store how far it is now and then, on their own clock and not for a command.
  const forCommands = asked.filter((subject) => !ownClock.has(subject))
  // What is remembered counts only while heartbeats come: on a machine that is too busy for them the proxy must ask again, a few times.
  if (late) expect(forCommands.length).toBeLessThan(20)
  else expect(forCommands).toEqual([])
  const commands = async (): Promise<number> => (await platform.sessions()).find((each) => each.status === 'open')?.commands ?? 0
  await waitFor(async () => await commands() >= 10_002, { what: 'every execution in the log' })
  expect(await commands()).toBe(10_002)
}, 180_000)

test('a new policy refuses the next command within a second', async () => {
  await platform.policy('shop', FORBID_READS)
  const { error, afterMs } = await untilRefused(agent)
  expect(error).toMatchObject({ code: '42501' })
  expect(error.message).toContain('Reads are off.')
  expect(afterMs).toBeLessThan(1_000)
  await platform.policy('shop', POLICIES)
})

test('a proxy that is cut off from the bus stops trusting what it remembers within a second', async () => {
  const fault = await startFaultProxy(platform.nats.port)
  const port = await freePort()
  const proxy = await startProxy({ ...platform.backing, natsUrl: `nats://127.0.0.1:${fault.port}` }, platform.secrets, 'px-cut', port, { SALLYPORT_ACKNOWLEDGE_MS: '1500' })
  platform.proxies.push(proxy)
  const client = await platform.client('shop-stream', await platform.agentToken(), { port })
  await byId(client, 1)
  fault.cut()
  await platform.policy('shop', FORBID_READS)
  const { error } = await untilRefused(client)
  expect(['57P03', '57P01', undefined]).toContain(error.code)
  await new Promise((resolve) => { setTimeout(resolve, 1_100) })
  await expect(byId(client, 1)).rejects.toBeDefined()
  fault.mend()
  await client.end().catch(() => undefined)
  fault.stop()
}, 180_000)
