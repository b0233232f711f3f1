import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Platform } from './harness/platform.js'
import { startShop } from './harness/shop.js'

let platform: Platform

beforeAll(async () => {
  platform = await startShop({ proxyEnv: { SALLYPORT_SESSIONS_MAX: '2' } })
}, 90_000)

afterAll(() => platform?.stop())

test('one session more than there may be is refused, recorded, and possible again when another has ended', async () => {
  const token = await platform.agentToken()
  const first = await platform.client('shop', token)
  const second = await platform.client('shop', token)
  await expect(platform.client('shop', token)).rejects.toMatchObject({ severity: 'FATAL', message: expect.stringContaining('as many sessions as it may have') })
  expect((await first.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await first.end()
  const third = await platform.client('shop', token)
  await second.end()
  await third.end()
  await platform.settled()
  expect((await platform.sessions()).map((session) => session.status).sort()).toEqual(['closed', 'closed', 'closed', 'refused'])
})
