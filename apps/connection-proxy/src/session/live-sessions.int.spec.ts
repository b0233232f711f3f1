import { expect, test } from '@jest/globals'
import { freshBus } from '@sallyport/testing'
import { LiveSessions } from './live-sessions.js'

test.each([['by the proxy that gave the key out', 'px-a'], ['by another one', 'px-b']])('a request to cancel, taken %s, is answered when it is carried out', async (_, asked) => {
  const buses = [await freshBus('px-a'), await freshBus('px-b')]
  const [owner, other] = [new LiveSessions(buses[0]!, 'px-a'), new LiveSessions(buses[1]!, 'px-b')]
  owner.start()
  other.start()
  await buses[0]!.flush()
  const order: string[] = []
  const key = owner.issueKey(8, async () => {
    order.push('begun')
    await new Promise((resolve) => { setTimeout(resolve, 100) })
    order.push('carried out')
  })
  await (asked === 'px-a' ? owner : other).cancel(key)
  order.push('answered')
  expect(order).toEqual(['begun', 'carried out', 'answered'])
  owner.revokeKey(key)
  await owner.cancel(key)
  expect(order).toHaveLength(3)
  await owner.stop()
  await other.stop()
  for (const bus of buses) await bus.close()
})
