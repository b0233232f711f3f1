import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { waitFor } from '@sallyport/testing'
import type { Platform } from './harness/platform.js'
import { runProgram } from './harness/programs.js'
import { startShop } from './harness/shop.js'

const AGENT = '/v1/agents/coding-agent'

let platform: Platform
let token: string

beforeAll(async () => {
  platform = await startShop({ api: true })
  token = await platform.agentToken()
}, 90_000)

afterAll(() => platform?.stop())

const psql = (password = token) => runProgram('psql', ['-X', '-At', '-d', 'shop', '-c', 'select count(*) from orders'], platform.libpq('shop', password))
const refusals = async () => (await platform.sessions()).filter(({ status }) => status === 'refused')

test('a removed agent is let in no more, is told why, and each attempt is recorded; registered again it is let in', async () => {
  expect(await psql()).toMatchObject({ code: 0, out: '3\n' })
  const engineer = await platform.issuer.token('coding-agent', ['ai-agents', 'engineers'])
  const { credential } = await platform.rest!('POST', '/v1/credentials', { connection: 'shop' }, token) as { credential: string }
  expect(await psql(credential)).toMatchObject({ code: 0 })
  await platform.rest!('DELETE', AGENT)

  // Neither a token with more groups nor a credential from before makes another of the agent.
  for (const password of [token, engineer, credential]) {
    const { code, out, err } = await psql(password)
    expect([code, out]).toEqual([2, ''])
    expect(err).toContain('the agent coding-agent was removed from Sallyport: nothing is done under its name')
    expect(err).toContain('register the agent again')
  }
  await platform.settled()
  const recorded = await refusals()
  expect(recorded).toHaveLength(3)
  for (const session of recorded) expect(session).toMatchObject({ connection: 'shop', uid: 'coding-agent', reason: expect.stringContaining('was removed') })
  const [event] = await platform.events(recorded[0]!.id)
  expect(event!.event).toMatchObject({ type: 'sallyport.session.refused.v1', data: { code: 'denied', principal: { kind: 'agent', retired: true }, reason: expect.stringContaining('was removed') } })

  await platform.rest!('PUT', AGENT, { spec: { issuer: 'development', subject: 'coding-agent', owner: 'alice', connections: ['shop'] } })
  await waitFor(async () => (await psql()).code === 0, { what: 'the agent being let in again' })
})

test('a session that is open when its agent is removed does nothing any more', async () => {
  const client = await platform.client('shop', token)
  expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await platform.rest!('DELETE', AGENT)
  await waitFor(() => client.query('select 2 as two').then(() => false, (error: Error) => error.message.includes('was removed')), { what: 'the session being refused' })
  await client.end()
})
