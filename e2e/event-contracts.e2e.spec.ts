import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { approvalEventTypes } from '@sallyport/contracts/approval'
import { removePolicy } from '@sallyport/contracts/policy'
import { sessionEventTypes } from '@sallyport/contracts/session'
import { waitFor } from '@sallyport/testing'
import type pg from 'pg'
import { faultOf } from './harness/event-tap.js'
import type { Platform } from './harness/platform.js'
import { frame, RawClient } from './harness/raw-postgres.js'
import { startShop } from './harness/shop.js'

let platform: Platform
let agent: pg.Client

beforeAll(async () => {
  platform = await startShop()
  agent = await platform.client('shop', await platform.agentToken())
}, 90_000)
afterAll(async () => { await platform?.stop() })

const settle = async (verdict: 'approve' | 'deny'): Promise<void> => {
  const running = agent.query('delete from notes where id = 99').catch(() => undefined)
  const { id } = await platform.pending()
  await platform[verdict](id)
  await running
}

const copyIn = async (token: string): Promise<void> => {
  const client = await RawClient.open(platform.proxyPort, 'shop', token)
  client.messages.length = 0
  client.send(frame('Q', 'copy notes from stdin\0'))
  await client.until('G')
  client.send(frame('d', '50\tcopied\n'), frame('c'))
  await client.until('Z')
  client.destroy()
}

/** Types that one run of a database client makes; the others are another protocol's, or of a proxy that died. */
const EXPECTED = [
  sessionEventTypes.opened, sessionEventTypes.refused, sessionEventTypes.closed, sessionEventTypes.requested, sessionEventTypes.commandRefused, sessionEventTypes.held, sessionEventTypes.released,
  sessionEventTypes.withdrawn, sessionEventTypes.completed, sessionEventTypes.failed, sessionEventTypes.chunk,
  approvalEventTypes.requested, approvalEventTypes.resolutionRecorded, approvalEventTypes.approved, approvalEventTypes.denied, approvalEventTypes.withdrawn, approvalEventTypes.released, approvalEventTypes.executed,
  'sallyport.policy.put.v1', 'sallyport.policy.removed.v1', 'sallyport.masking-rule.put.v1',
]

test('every event that a run publishes is exactly what its contract says', async () => {
  await agent.query('select c.*, o.card from customers c join orders o on o.customer_id = c.id where c.id = $1', [1])
  await expect(agent.query('drop table notes')).rejects.toBeDefined()
  await expect(agent.query('this is no sql')).rejects.toBeDefined()
  await settle('approve')
  await settle('deny')
  const leaving = await platform.client('shop-stream', await platform.agentToken())
  const held = leaving.query('delete from notes where id = 98').catch(() => undefined)
  await platform.pending()
  ;(leaving as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
  await held
  await expect(agent.query('insert into notes values (77, \'parked\')')).rejects.toBeDefined()
  await copyIn(await platform.issuer.token('engineer', ['engineers']))
  await expect(platform.client('shop', 'wrong')).rejects.toBeDefined()
  await expect(platform.client('nowhere', await platform.agentToken())).rejects.toBeDefined()
  await platform.policy('another', '@id("another") permit (principal in Group::"nobody", action, resource);')
  await platform.bus.call(removePolicy, { name: 'another', managedBy: 'api', actor: 'test' })
  await expect(agent.query('select no_such_column')).rejects.toBeDefined()
  await agent.end()
  await platform.settled()
  await waitFor(() => EXPECTED.every((type) => platform.tap.types.has(type)), { what: 'every type of event' }).catch(() => undefined)
  expect(EXPECTED.filter((type) => !platform.tap.types.has(type))).toEqual([])
  expect([...platform.tap.faults]).toEqual([])
}, 60_000)

test('a field that no contract names is a fault, and so is a type', async () => {
  const [stored] = await platform.events()
  const event = stored!.event as never as Parameters<typeof faultOf>[0]
  expect(faultOf(event)).toBeUndefined()
  expect(faultOf({ ...event, data: { ...event.data, more: 1 } })).toContain('does not name')
  expect(faultOf({ ...event, more: 1 } as never)).toContain('envelope')
  expect(faultOf({ ...event, type: 'sallyport.session.invented.v1' })).toContain('no contract')
})
