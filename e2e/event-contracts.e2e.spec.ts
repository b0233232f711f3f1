import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { approvalEventTypes } from '@sallyport/contracts/approval'
import { credentialEventTypes, learnedEventType, rememberOfTarget } from '@sallyport/contracts/directory'
import { controlSubject, sessionSubject, type SallyportEvent } from '@sallyport/contracts/events'
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
  platform = await startShop({ api: true })
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
  'sallyport.policy.put.v1', 'sallyport.policy.removed.v1', 'sallyport.masking-rule.put.v1', 'sallyport.masking-rule.removed.v1',
  'sallyport.directory.put.v1', 'sallyport.directory.removed.v1', credentialEventTypes.issued, credentialEventTypes.revoked, learnedEventType,
]
const KINDS = ['connection', 'agent', 'retired-agent', 'issuer', 'role-binding']

/** Everything that the API has events of. */
const administer = async (): Promise<void> => {
  const rest = platform.rest!
  await rest('PUT', '/v1/role-bindings/admins', { spec: { role: 'admin', groups: ['admins'] } })
  await rest('PUT', '/v1/agents/passing-agent', { spec: { issuer: 'development', subject: 'passing-agent', owner: 'alice', connections: ['shop'] } })
  await rest('DELETE', '/v1/agents/passing-agent')
  await rest('PUT', '/v1/masking-rules/passing', { spec: { connections: { names: ['shop'] }, columns: ['public.orders.status'], transform: { kind: 'redact' } } })
  await rest('DELETE', '/v1/masking-rules/passing')
  const { id } = await rest('POST', '/v1/credentials', { connection: 'shop' }) as { id: string }
  await rest('DELETE', `/v1/credentials/${id}`)
  await platform.bus.call(rememberOfTarget, { connection: 'shop', name: 'host-key', value: 'of a target' })
  // The last one: from then on the development issuer is not trusted.
  await rest('PUT', '/v1/issuers/development', { spec: { oidc: { url: platform.issuer.url, audience: 'sallyport' }, primary: true } })
}

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
  await administer()
  await platform.settled()
  await waitFor(() => EXPECTED.every((type) => platform.tap.types.has(type)), { what: 'every type of event' }).catch(() => undefined)
  expect(EXPECTED.filter((type) => !platform.tap.types.has(type))).toEqual([])
  expect([...platform.tap.faults]).toEqual([])
  const kinds = async (): Promise<string[]> => {
    const put = (await platform.events()).map(({ event }) => event as SallyportEvent).filter(({ type }) => type === 'sallyport.directory.put.v1')
    return [...new Set(put.map(({ data }) => (data['document'] as { content: { kind: string } }).content.kind))].toSorted()
  }
  await waitFor(async () => (await kinds()).length === KINDS.length, { what: 'every kind of the directory in the store' }).catch(() => undefined)
  expect(await kinds()).toEqual(KINDS.toSorted())
}, 60_000)

test('a field that no contract names is a fault, and so is a type', async () => {
  const [stored] = await platform.events()
  const event = stored!.event as SallyportEvent
  const subject = event.session === undefined ? controlSubject(event.source.split('/')[1] as 'api') : sessionSubject('px-1', 0)
  expect(faultOf(event, subject)).toBeUndefined()
  expect(faultOf({ ...event, data: { ...event.data, more: 1 } }, subject)).toContain('does not name')
  expect(faultOf({ ...event, more: 1 } as never, subject)).toContain('envelope')
  expect(faultOf({ ...event, type: 'sallyport.session.invented.v1' }, subject)).toContain('no contract')
  expect(faultOf(event, controlSubject('audit-store'))).toContain('no contract')
})

test('a secret that is left behind is found when a platform stops', async () => {
  expect(await platform.whatIsLeft(platform.planted)).toEqual([])
  const found = await platform.whatIsLeft(new Map([['a statement', 'this is no sql']]))
  expect(found).toContain('a statement (plain) in table audit_store.payloads column body')
})
