import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { requestApproval } from '@sallyport/contracts/approval'
import { listIssuers, lookUpConnection, lookUpParties, sealingContext, verifyCredential } from '@sallyport/contracts/directory'
import { encodeBatch, sessionSubject } from '@sallyport/contracts/events'
import { listPolicies } from '@sallyport/contracts/policy'
import { at, RpcError } from '@sallyport/contracts/rpc'
import { exactText, killSession } from '@sallyport/contracts/session'
import { credentialDigest } from '@sallyport/identity'
import { seal } from '@sallyport/sealing'
import { waitFor } from '@sallyport/testing'
import pg from 'pg'
import { startCluster, type Cluster } from './cluster.js'
import { recordedSession } from './recorded-session.js'

let cluster: Cluster
const ask: Cluster['ask'] = (...args) => cluster.ask(...args)

beforeAll(async () => { cluster = await startCluster() }, 120_000)
afterAll(async () => { await cluster.stop() })

const target = { host: '10.0.0.5', port: 5432, database: 'orders', tls: 'require' }
const sealedFor = (name: string, secret = 'app-password') => seal(secret, [cluster.sealing.publicKey], sealingContext(name, target, { username: 'app', kind: 'password' }))
const connectionSpec = async (name: string) => ({ protocol: 'postgres', target, credentials: { username: 'app', sealed: await sealedFor(name) } })
const codeOf = (work: Promise<unknown>): Promise<string> => work.then(() => 'answered', (error: RpcError) => error.code)

describe('who one is', () => {
  test('comes from the token, with roles by group', async () => {
    expect((await ask('ada', 'GET', '/v1/whoami')).body).toMatchObject({ principal: { kind: 'user', uid: 'ada', groups: ['admins'], chain: [] }, roles: ['admin'] })
    expect((await ask('iris', 'GET', '/v1/whoami')).body).toMatchObject({ roles: ['auditor'] })
    expect((await ask('alice', 'GET', '/v1/whoami')).body).toMatchObject({ roles: [] })
  })

  test('is refused without a token, or with a wrong one, as problem+json', async () => {
    const none = await ask(undefined, 'GET', '/v1/whoami')
    expect(none.status).toBe(401)
    expect(none.headers.get('content-type')).toBe('application/problem+json')
    expect(none.headers.get('www-authenticate')).toContain('Bearer')
    expect(none.body).toMatchObject({ status: 401, code: 'unauthenticated' })
    expect((await ask(undefined, 'GET', '/v1/whoami', { headers: { authorization: 'Bearer nonsense' } })).status).toBe(401)
    expect((await ask(undefined, 'GET', '/v1/whoami', { headers: { authorization: 'Basic YTpi' } })).status).toBe(401)
  })
})

describe('connections', () => {
  test('are put sealed, looked up by the proxies, shown without their credential, and removed', async () => {
    const put = await ask('ada', 'PUT', '/v1/connections/orders-prod', { body: { labels: { environment: 'prod' }, spec: await connectionSpec('orders-prod') } })
    expect(put).toMatchObject({ status: 200, body: { name: 'orders-prod', managedBy: 'api', spec: { credentials: { username: 'app', sealed: true } } } })
    expect(await cluster.bus.call(lookUpConnection, { name: 'orders-prod' })).toMatchObject({ labels: { environment: 'prod' }, spec: { protocol: 'postgres', durability: 'stored', credentials: { sealed: expect.any(String) } } })
    expect((await ask('alice', 'GET', '/v1/connections')).body).toEqual({ items: [{ name: 'orders-prod', labels: { environment: 'prod' }, managedBy: 'api', revision: 1, spec: { protocol: 'postgres' } }], next: null })
    expect((await ask('iris', 'GET', '/v1/connections/orders-prod')).text).not.toContain('ciphertext')
    await ask('ada', 'PUT', '/v1/connections/short-lived', { body: { spec: await connectionSpec('short-lived') } })
    expect((await ask('ada', 'DELETE', '/v1/connections/short-lived')).status).toBe(204)
    expect((await ask('ada', 'DELETE', '/v1/connections/short-lived')).status).toBe(404)
    expect(await codeOf(cluster.bus.call(lookUpConnection, { name: 'short-lived' }))).toBe('not-found')
  })

  test('never take a plain secret, one sealed for elsewhere, or an unknown protocol', async () => {
    const spec = await connectionSpec('orders-prod')
    const put = (changed: object) => ask('ada', 'PUT', '/v1/connections/other', { body: { spec: { ...spec, ...changed } } })
    expect(await put({ credentials: { username: 'app', sealed: 'app-password' } })).toMatchObject({ status: 422, body: { faults: [{ field: 'spec.credentials.sealed' }] } })
    expect(await put({})).toMatchObject({ status: 422, body: { faults: [{ field: 'spec.credentials.sealed' }] } })
    expect(await put({ credentials: { username: 'app', password: 'x' } })).toMatchObject({ status: 422 })
    expect(await put({ protocol: 'gopher', credentials: { username: 'app' } })).toMatchObject({ status: 422, body: { faults: [{ field: 'spec.protocol' }] } })
  })

  test('keep their credential while it is for the same place, and lose it when that changes', async () => {
    const put = (spec: object) => ask('ada', 'PUT', '/v1/connections/kept', { body: { spec } })
    const spec = await connectionSpec('kept')
    await put(spec)
    expect((await put({ ...spec, credentials: { username: 'app' }, durability: 'stream' })).body).toMatchObject({ revision: 2, spec: { durability: 'stream', credentials: { sealed: true } } })
    expect((await put({ ...spec, credentials: { username: 'app' }, target: { ...target, host: '10.6.6.6' } })).body).toMatchObject({ spec: { credentials: { sealed: false } } })
    await ask('ada', 'DELETE', '/v1/connections/kept')
  })
})

describe('agents', () => {
  test('are known to proxies with their owner, have a guard as long as they exist, and see what they may reach', async () => {
    const put = await ask('ada', 'PUT', '/v1/agents/coding-agent', { body: { spec: { issuer: 'development', subject: 'coding-agent', owner: 'alice', connections: ['orders-prod'] } } })
    expect(put.status).toBe(200)
    const party = { kind: 'user' as const, issuer: 'development', subject: 'coding-agent', uid: 'coding-agent', groups: ['ai-agents'] }
    expect(await cluster.bus.call(lookUpParties, { parties: [party, { ...party, subject: 'alice', uid: 'alice' }] })).toMatchObject({ parties: [{ kind: 'agent', owner: 'alice' }, { kind: 'user', uid: 'alice' }] })
    const guards = async () => (await cluster.bus.call(listPolicies, {})).items.filter(({ managedBy }) => managedBy === 'generated')
    expect(await guards()).toMatchObject([{ name: 'agent-coding-agent', text: expect.stringContaining('Agent::"coding-agent"') }])
    expect((await ask('coding-agent', 'GET', '/v1/whoami')).body).toMatchObject({ principal: { kind: 'agent', owner: 'alice' }, roles: [] })
    expect((await ask('coding-agent', 'GET', '/v1/connections')).body.items).toHaveLength(1)
    await ask('ada', 'PUT', '/v1/agents/ci-agent', { body: { spec: { issuer: 'development', subject: 'ci-agent', owner: 'alice', connections: [] } } })
    expect(await guards()).toHaveLength(2)
    expect((await ask('ci-agent', 'GET', '/v1/connections')).body.items).toEqual([])
    // Nor does it learn by another way that there is one.
    expect((await ask('ci-agent', 'POST', '/v1/policies/explain', { body: { connection: 'orders-prod', effects: [{ action: 'connect' }] } })).status).toBe(404)
  })

  test('that are removed reach nothing any more, until they are registered again or forgotten', async () => {
    const guards = async () => (await cluster.bus.call(listPolicies, {})).items.filter(({ managedBy }) => managedBy === 'generated').map(({ name }) => name)
    const party = { kind: 'user' as const, issuer: 'development', subject: 'ci-agent', uid: 'ci-agent', groups: ['ai-agents'], person: true as const }
    const known = async () => (await cluster.bus.call(lookUpParties, { parties: [party] })).parties[0]
    const explained = async () => (await ask('iris', 'POST', '/v1/policies/explain', { body: { connection: 'orders-prod', effects: [{ action: 'connect' }], principal: party } })).body
    const put = (connections: string[], subject = 'ci-agent') => ask('ada', 'PUT', '/v1/agents/ci-agent', { body: { spec: { issuer: 'development', subject, owner: 'alice', connections } } })
    await ask('ada', 'PUT', '/v1/policies/open', { body: { text: '@id("open") permit (principal in Group::"ai-agents", action, resource);' } })
    const credential = (await put(['orders-prod'])).status === 200 ? (await ask('ci-agent', 'POST', '/v1/credentials', { body: { connection: 'orders-prod' } })).body.credential as string : ''
    expect(await explained()).toMatchObject({ outcome: 'allow' })
    expect((await ask('ada', 'DELETE', '/v1/agents/ci-agent')).status).toBe(204)
    expect(await guards()).toEqual(['agent-coding-agent', 'retired-ci-agent'])
    expect(await known()).toEqual({ kind: 'agent', issuer: 'development', subject: 'ci-agent', uid: 'ci-agent', groups: ['ai-agents'], owner: 'alice', retired: true })
    expect(await explained()).toMatchObject({ outcome: 'deny', policies: ['retired-ci-agent-agent'], reason: expect.stringContaining('was removed') })
    expect(await cluster.bus.call(verifyCredential, { sha256: credentialDigest(credential), connection: 'orders-prod' })).toMatchObject({ principal: { kind: 'agent', retired: true } })
    expect(await ask('ci-agent', 'GET', '/v1/whoami')).toMatchObject({ status: 403, body: { detail: expect.stringContaining('ci-agent was removed') } })
    expect((await ask('ada', 'GET', '/v1/agents/ci-agent')).status).toBe(404)
    expect((await ask('iris', 'GET', '/v1/retired-agents')).body.items).toEqual([{ name: 'ci-agent', spec: { issuer: 'development', subject: 'ci-agent', owner: 'alice' } }])
    // Registered again it is an agent like any other; given another subject, the former one is left behind.
    expect((await put([])).status).toBe(200)
    expect(await known()).toMatchObject({ kind: 'agent', owner: 'alice' })
    expect(await guards()).toEqual(['agent-ci-agent', 'agent-coding-agent'])
    expect(await ask('ada', 'DELETE', '/v1/retired-agents/ci-agent')).toMatchObject({ status: 409 })
    await put([], 'other-agent')
    expect(await known()).toMatchObject({ retired: true })
    await ask('ada', 'DELETE', '/v1/agents/ci-agent')
    expect((await ask('iris', 'GET', '/v1/retired-agents')).body.items.map(({ name, spec }: { name: string; spec: { subject: string } }) => `${name} ${spec.subject}`)).toEqual(['ci-agent ci-agent', 'ci-agent-2 other-agent'])
    expect((await ask('alice', 'DELETE', '/v1/retired-agents/ci-agent')).status).toBe(403)
    for (const name of ['ci-agent', 'ci-agent-2']) expect((await ask('ada', 'DELETE', `/v1/retired-agents/${name}`)).status).toBe(204)
    expect((await ask('ada', 'DELETE', '/v1/retired-agents/ci-agent')).status).toBe(404)
    expect(await known()).toMatchObject({ kind: 'user', person: true })
    expect(await guards()).toEqual(['agent-coding-agent'])
    expect((await ask('ci-agent', 'GET', '/v1/whoami')).status).toBe(200)
    await ask('ada', 'DELETE', '/v1/policies/open')
  })

  test('name connections and issuers that exist', async () => {
    expect(await ask('ada', 'PUT', '/v1/agents/lost', { body: { spec: { issuer: 'development', subject: 'lost', owner: 'alice', connections: ['nowhere'] } } })).toMatchObject({ status: 422, body: { faults: [{ field: 'spec.connections.0' }] } })
    expect(await ask('ada', 'PUT', '/v1/agents/lost', { body: { spec: { issuer: 'nobody', subject: 'lost', owner: 'alice', connections: [] } } })).toMatchObject({ status: 422, body: { faults: [{ field: 'spec.issuer' }] } })
    expect((await ask('ada', 'DELETE', '/v1/connections/orders-prod')).status).toBe(422)
    expect(await cluster.bus.call(listIssuers, {})).toMatchObject({ issuers: [{ name: 'development', primary: true }] })
  })
})

describe('session credentials', () => {
  test('stand for whoever made them, for one connection, until they are revoked', async () => {
    const made = await ask('coding-agent', 'POST', '/v1/credentials', { body: { connection: 'orders-prod', ttlSeconds: 60 } })
    expect(made).toMatchObject({ status: 201, body: { credential: expect.stringMatching(/^spc_[A-Za-z0-9_-]{43}$/), connection: 'orders-prod' } })
    const sha256 = credentialDigest(made.body.credential)
    expect(await cluster.bus.call(verifyCredential, { sha256, connection: 'orders-prod' })).toMatchObject({ id: made.body.id, principal: { kind: 'agent', uid: 'coding-agent', owner: 'alice' }, expiresAt: made.body.expiresAt })
    expect(await codeOf(cluster.bus.call(verifyCredential, { sha256, connection: 'another' }))).toBe('forbidden')
    expect(await codeOf(cluster.bus.call(verifyCredential, { sha256: credentialDigest('spc_x'), connection: 'orders-prod' }))).toBe('forbidden')
    expect((await ask('bob', 'DELETE', `/v1/credentials/${made.body.id}`)).status).toBe(404)
    expect((await ask('coding-agent', 'DELETE', `/v1/credentials/${made.body.id}`)).status).toBe(204)
    expect(await codeOf(cluster.bus.call(verifyCredential, { sha256, connection: 'orders-prod' }))).toBe('forbidden')
    expect((await ask('alice', 'POST', '/v1/credentials', { body: { connection: 'nowhere' } })).status).toBe(404)
    expect((await ask('alice', 'POST', '/v1/credentials', { body: { connection: 'orders-prod', ttlSeconds: 999_999 } })).status).toBe(422)
  })

  test('are never made twice under one Idempotency-Key, and shown once', async () => {
    const headers = { 'idempotency-key': 'one' }
    expect((await ask('alice', 'POST', '/v1/credentials', { body: { connection: 'orders-prod' }, headers })).status).toBe(201)
    expect((await ask('alice', 'POST', '/v1/credentials', { body: { connection: 'orders-prod' }, headers })).status).toBe(409)
    expect((await ask('bob', 'POST', '/v1/credentials', { body: { connection: 'orders-prod' }, headers })).status).toBe(201)
  })
})

test('no table holds the text of a session credential, only its digest', async () => {
  const { body } = await ask('alice', 'POST', '/v1/credentials', { body: { connection: 'orders-prod' }, headers: { 'idempotency-key': 'scan' } })
  const client = new pg.Client({ connectionString: cluster.database })
  await client.connect()
  const { rows } = await client.query<{ name: string }>('select table_name as name from information_schema.tables where table_schema = \'api\'')
  for (const { name } of rows) expect((await client.query(`select 1 from api.${name} as row where strpos(row::text, $1) > 0`, [body.credential])).rowCount).toBe(0)
  expect((await client.query('select 1 from api.session_credentials where sha256 = $1', [credentialDigest(body.credential)])).rowCount).toBe(1)
  await client.end()
})

describe('policies and masking rules', () => {
  test('are created once under one Idempotency-Key, and not twice under one name', async () => {
    const body = { name: 'twice', text: '@id("twice") permit (principal in Group::"dba", action in Action::"connect", resource);' }
    const create = (key: string, changed: object = {}) => ask('ada', 'POST', '/v1/policies', { body: { ...body, ...changed }, headers: { 'idempotency-key': key } })
    const [first, second] = [await create('k'), await create('k')]
    expect([first.status, second.status]).toEqual([201, 201])
    expect(second.body).toEqual(first.body)
    expect((await create('k', { name: 'else' })).status).toBe(409)
    expect((await create('l')).status).toBe(409)
    expect((await create('l', { text: 'nonsense' })).status).toBe(409)
    expect((await ask('ada', 'DELETE', '/v1/policies/twice')).status).toBe(204)
  })

  test('are put, listed, explained, previewed and removed through their services', async () => {
    const text = '@id("agents-connect") permit (principal in Group::"ai-agents", action in Action::"connect", resource);'
    expect(await ask('ada', 'PUT', '/v1/policies/base', { body: { text } })).toMatchObject({ status: 200, body: { name: 'base', managedBy: 'api' } })
    expect(await ask('ada', 'PUT', '/v1/policies/wrong', { body: { text: 'permit (principal, action, resource) when { context.hasWere };' } })).toMatchObject({ status: 422, body: { faults: expect.arrayContaining([expect.objectContaining({ file: 'wrong.cedar', line: 1, message: expect.stringContaining('hasWhere') })]) } })
    expect((await ask('iris', 'GET', '/v1/policies')).body.items.map(({ name }: { name: string }) => name)).toEqual(['agent-coding-agent', 'base'])
    expect(await ask('ada', 'DELETE', '/v1/policies/agent-coding-agent')).toMatchObject({ status: 409 })
    expect(await ask('coding-agent', 'POST', '/v1/policies/explain', { body: { connection: 'orders-prod', effects: [{ action: 'connect' }] } })).toMatchObject({ status: 200, body: { outcome: 'allow', policies: ['agents-connect'] } })
    const spec = { connections: { names: ['orders-prod'] }, columns: ['public.customers.email'], detect: ['email'] }
    expect(await ask('ada', 'PUT', '/v1/masking-rules/pii', { body: { spec } })).toMatchObject({ status: 200, body: { name: 'pii' } })
    expect(await ask('ada', 'POST', '/v1/masking-rules/preview', { body: { spec, samples: [{ value: 'ada@example.com' }] } })).toMatchObject({ status: 200, body: { results: [{ masked: true }] } })
    expect((await ask('iris', 'GET', '/v1/masking-rules')).body.items).toHaveLength(1)
    expect((await ask('ada', 'DELETE', '/v1/masking-rules/pii')).status).toBe(204)
    expect((await ask('ada', 'DELETE', '/v1/policies/base')).status).toBe(204)
  })
})

describe('approvals', () => {
  const request = (uid: string, command: string) => cluster.bus.call(at(requestApproval, 'px1'), {
    command, session: 'ses_1', proxy: 'px1', connection: 'orders-prod', action: 'sql.delete', summary: 'delete from orders', digest: 'a'.repeat(64), mode: 'hold',
    principal: { kind: 'agent', issuer: 'development', subject: uid, uid, groups: ['ai-agents'], owner: 'alice', chain: [] },
    needs: [{ policy: 'writes-need-a-dba', group: 'dba', count: 1, expiresMs: 60_000, park: false }],
  })

  test('are seen by who asked and who may approve, and approved by people of the group', async () => {
    const stop = cluster.bus.serve(at(exactText, 'px1'), () => ({ text: 'delete from orders where id = 7', parameters: [], digest: 'a'.repeat(64) }))
    await cluster.bus.flush()
    const { id } = await request('coding-agent', 'cmd_1')
    const listed = async (as: string) => (await ask(as, 'GET', '/v1/approvals?status=pending')).body.items.map((item: { id: string }) => item.id)
    expect(await listed('bob')).toEqual([id])
    expect(await listed('alice')).toEqual([id])
    expect(await listed('coding-agent')).toEqual([id])
    expect(await listed('iris')).toEqual([id])
    expect(await listed('ci-agent')).toEqual([])
    expect((await ask('ci-agent', 'GET', `/v1/approvals/${id}`)).status).toBe(404)
    expect((await ask('bob', 'GET', `/v1/approvals/${id}/exact`)).body).toMatchObject({ text: 'delete from orders where id = 7' })
    expect((await ask('alice', 'GET', `/v1/approvals/${id}/exact`)).status).toBe(403)
    expect((await ask('coding-agent', 'POST', `/v1/approvals/${id}/approve`, { body: { comment: 'me' } })).status).toBe(403)
    expect((await ask('alice', 'POST', `/v1/approvals/${id}/approve`, { body: { comment: 'mine' } })).status).toBe(403)
    // In no register, and in the group: a program all the same.
    expect(await ask('ci-agent', 'POST', `/v1/approvals/${id}/approve`, { body: { comment: 'me' } })).toMatchObject({ status: 403, body: { detail: expect.stringContaining('doesn\'t show that a person holds it') } })
    expect(await ask('bob', 'POST', `/v1/approvals/${id}/approve`, { body: { comment: 'fine' } })).toMatchObject({ status: 200, body: { status: 'approved', resolutions: [{ by: 'bob', comment: 'fine' }] } })
    expect((await ask('bob', 'GET', `/v1/approvals/${id}/exact`)).status).toBe(409)
    const other = await request('coding-agent', 'cmd_2')
    await stop()
    const lost = cluster.bus.serve(at(exactText, 'px1'), () => { throw new RpcError('not-found', 'its text is gone') })
    await cluster.bus.flush()
    expect(await ask('carol', 'GET', `/v1/approvals/${other.id}/exact`)).toMatchObject({ status: 409, body: { detail: expect.stringMatching(/can't be shown: its text is gone.*masked text/) } })
    await lost()
    expect((await ask('carol', 'GET', `/v1/approvals/${other.id}/exact`)).status).toBe(503)
    expect(await ask('carol', 'POST', `/v1/approvals/${other.id}/deny`, { body: { comment: 'no' } })).toMatchObject({ status: 200, body: { status: 'denied' } })
  })
})

describe('sessions', () => {
  test('are listed, replayed as JSON and text, searched, and ended', async () => {
    const session = recordedSession()
    await waitFor(async () => { await cluster.bus.append(sessionSubject('px1', 0), encodeBatch(session.events)); return true })
    await waitFor(async () => (await ask('iris', 'GET', `/v1/sessions/${session.id}/commands`)).body.items?.length === 2)
    expect((await ask('iris', 'GET', '/v1/sessions')).body.items).toMatchObject([{ id: session.id, uid: 'coding-agent', onBehalfOf: ['alice'], status: 'open' }])
    expect((await ask('alice', 'GET', '/v1/sessions')).body.items).toHaveLength(1)
    expect((await ask('bob', 'GET', '/v1/sessions')).body.items).toEqual([])
    expect((await ask('bob', 'GET', `/v1/sessions/${session.id}`)).status).toBe(404)
    expect((await ask('bob', 'GET', `/v1/sessions/${session.id}/replay`)).status).toBe(404)
    expect((await ask('alice', 'GET', `/v1/sessions/${session.id}/replay`)).body).toMatchObject({ entries: [{ statement: 'select id, email from customers' }, { status: 'refused' }] })
    const text = await ask('iris', 'GET', `/v1/sessions/${session.id}/replay?format=text`)
    expect(text.headers.get('content-type')).toContain('text/plain')
    expect(text.text).toContain('select id, email from customers')
    expect(text.text).toContain('‹masked›')
    expect((await ask('iris', 'GET', '/v1/commands?text=customers')).body.items).toHaveLength(1)
    const lines = (await ask('iris', 'GET', `/v1/events?session=${session.id}&format=ndjson&limit=2`)).text.trim().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as { type: string }).type)).toHaveLength(session.events.length)
    const killed: string[] = []
    const stop = cluster.bus.serve(at(killSession, 'px1'), ({ session: id, reason }) => { killed.push(`${id} ${reason}`); return { killed: true } })
    await cluster.bus.flush()
    expect((await ask('bob', 'DELETE', `/v1/sessions/${session.id}`)).status).toBe(404)
    expect((await ask('iris', 'DELETE', `/v1/sessions/${session.id}`)).status).toBe(404)
    expect((await ask('alice', 'DELETE', `/v1/sessions/${session.id}`)).status).toBe(204)
    expect((await ask('ada', 'DELETE', `/v1/sessions/${session.id}`)).status).toBe(204)
    expect(killed).toEqual([`${session.id} ended by alice`, `${session.id} ended by ada`])
    await stop()
  })
})

describe('HTTP', () => {
  test('errors are problem+json, with the security headers', async () => {
    for (const [status, answer] of [
      [404, await ask('ada', 'GET', '/v1/nothing')], [404, await ask('ada', 'GET', '/')], [404, await ask('ada', 'GET', '/v1/connections/nowhere')],
      [405, await ask('ada', 'PATCH', '/v1/connections')], [405, await ask('ada', 'DELETE', '/v1/whoami')],
      [400, await ask('ada', 'PUT', '/v1/policies/x', { raw: '{"text":', headers: { 'content-type': 'application/json' } })],
      [415, await ask('ada', 'PUT', '/v1/policies/x', { raw: 'text', headers: { 'content-type': 'text/plain' } })],
      [413, await ask('ada', 'PUT', '/v1/policies/x', { raw: JSON.stringify({ text: 'x'.repeat(1024 * 1024) }), headers: { 'content-type': 'application/json' } })],
      [422, await ask('ada', 'PUT', '/v1/policies/x', { body: { txt: '' } })], [400, await ask('ada', 'GET', '/v1/connections?limit=0')], [400, await ask('ada', 'GET', '/v1/connections?nonsense=1')],
      [403, await ask('alice', 'PUT', '/v1/policies/x', { body: { text: '' } })],
    ] as const) {
      expect({ status: answer.status, type: answer.headers.get('content-type') }).toEqual({ status, type: 'application/problem+json' })
      expect(answer.body).toMatchObject({ status, title: expect.any(String), type: expect.any(String) })
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      expect(answer.headers.get('access-control-allow-origin')).toBeNull()
    }
    expect((await ask('ada', 'PATCH', '/v1/connections')).headers.get('allow')).toContain('GET')
  })

  test('describes itself, and counts what it answered', async () => {
    const { body } = await ask(undefined, 'GET', '/v1/openapi.json')
    expect(body).toMatchObject({ openapi: '3.1.0', paths: { '/v1/connections/{name}': { put: { requestBody: expect.anything() } } } })
    expect((await ask('ada', 'GET', '/v1/sealing-keys')).body).toEqual({ keys: [cluster.sealing.publicKey] })
    expect((await fetch(`${cluster.url}/readyz`)).status).toBe(200)
    expect(await (await fetch(`${cluster.url}/metrics`)).text()).toMatch(/sallyport_api_requests_total\{.*route="\/v1\/connections\/\{name\}".*\}/)
  })

  test('says so when a service can\'t be asked', async () => {
    await cluster.service('policy-decision').stop()
    expect(await ask('ada', 'GET', '/v1/policies')).toMatchObject({ status: 503, body: { code: 'unavailable' } })
    expect(await ask('ada', 'POST', '/v1/configuration/apply', { body: { policies: [] } })).toMatchObject({ status: 503 })
    expect((await ask('ada', 'GET', '/v1/connections')).status).toBe(200)
  })
})
