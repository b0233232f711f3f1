import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { requestApproval } from '@sallyport/contracts/approval'
import { verifyCredential } from '@sallyport/contracts/directory'
import { encodeBatch, sessionSubject } from '@sallyport/contracts/events'
import { at } from '@sallyport/contracts/rpc'
import { exactText } from '@sallyport/contracts/session'
import { waitFor } from '@sallyport/testing'
import pg from 'pg'
import { confirmDevice } from './browser.js'
import { startPlatform, type Platform, type Ran, type RunOptions } from './platform.js'
import { recordedSession } from './session-events.js'

let platform: Platform
const cli = (as: string, args: readonly string[], options?: RunOptions): Promise<Ran> => platform.cli(as, args, options)
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into any answer
const json = async (as: string, ...args: string[]): Promise<any> => {
  const { status, out, err } = await cli(as, [...args, '--json'])
  expect({ status, err }).toEqual({ status: 0, err: '' })
  return JSON.parse(out)
}

const orders = `apiVersion: sallyport/v1
kind: Connection
metadata: { name: orders, labels: { environment: prod } }
spec:
  protocol: postgres
  target: { host: 10.0.0.5, port: 5432, database: orders, tls: require }
  credentials: { username: app, password: { file: secret.txt } }
---
apiVersion: sallyport/v1
kind: Agent
metadata: { name: coding-agent }
spec: { issuer: development, subject: coding-agent, owner: alice, connections: [orders] }
`
const policies = `@id("agents-connect") permit (principal in Group::"ai-agents", action in Action::"connect", resource);
@id("agents-read") permit (principal in Group::"ai-agents", action in Action::"read", resource);
@id("agents-write") permit (principal in Group::"ai-agents", action in Action::"write", resource);
@id("writes-need-a-dba") @approval("dba") forbid (principal in Group::"ai-agents", action in Action::"write", resource);
`

const configuration = (name: string, files: Readonly<Record<string, string>>): string => {
  const dir = path.join(platform.dir, name)
  mkdirSync(dir, { recursive: true })
  for (const [file, text] of Object.entries(files)) writeFileSync(path.join(dir, file), text)
  return dir
}

beforeAll(async () => {
  platform = await startPlatform()
  for (const name of ['ada', 'bob', 'alice', 'iris', 'coding-agent']) await platform.logIn(name)
}, 120_000)
afterAll(async () => { await platform.stop() })

describe('logging in', () => {
  test('keeps the token for its owner only, and says who that is', async () => {
    const file = path.join(platform.dir, 'ada/sallyport/session.json')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readFileSync(file, 'utf8')).not.toContain('ada-secret')
    expect(await json('ada', 'whoami')).toMatchObject({ principal: { uid: 'ada', groups: ['admins'] }, roles: ['admin'] })
    expect((await cli('coding-agent', ['whoami'])).out).toMatch(/^who +coding-agent/)
  })

  test('in a browser shows a URL and a code, and waits until it was entered', async () => {
    let entered: Promise<string> | undefined
    const { status, out } = await cli('carol', ['login', '--json'], {
      onErr: (text) => {
        if (entered !== undefined || !text.endsWith('\n')) return
        const { login } = JSON.parse(text) as { login: { urlWithCode: string; code: string } }
        entered = confirmDevice(platform.idp.issuer, login.urlWithCode, login.code, 'carol')
      },
    })
    expect(await entered).toContain('Go back to your terminal')
    expect({ status, who: JSON.parse(out) }).toMatchObject({ status: 0, who: { uid: 'carol', issuer: platform.idp.issuer } })
    expect(await json('carol', 'whoami')).toMatchObject({ principal: { groups: ['dba', 'approvers'] } })
  })

  test('is asked for where nobody is logged in, and refused with a wrong secret', async () => {
    const nobody = await cli('nobody', ['whoami'])
    expect(nobody).toMatchObject({ status: 3, out: '' })
    expect(nobody.err).toContain('sallyport login')
    const wrong = await cli('nobody', ['login', '--client-id', 'ada', '--client-secret', 'wrong', '--json'])
    expect({ status: wrong.status, error: JSON.parse(wrong.err).error }).toMatchObject({ status: 3, error: { exitStatus: 3, details: { error: 'invalid_client' } } })
  })

  test('sends a token nowhere but to the API that it was made for, and none in plain text off the machine', async () => {
    expect(await cli('ada', ['whoami'], { env: { SALLYPORT_API: 'http://127.0.0.1:1' } })).toMatchObject({ status: 3 })
    expect(await cli('ada', ['whoami'], { env: { SALLYPORT_API: 'http://127.0.0.1:1', SALLYPORT_TOKEN: 'x' } })).toMatchObject({ status: 6 })
    const plain = await cli('ada', ['whoami'], { env: { SALLYPORT_API: 'http://sallyport.example', SALLYPORT_TOKEN: 'x' } })
    expect(plain).toMatchObject({ status: 3, err: expect.stringContaining('plain text') })
    expect(await cli('ada', ['whoami'], { env: { SALLYPORT_TOKEN: 'nonsense' } })).toMatchObject({ status: 3, err: expect.stringContaining('Log in again') })
  })
})

describe('applying', () => {
  test('prints the difference, does nothing in a dry run, applies, and is idempotent', async () => {
    const dir = configuration('good', { 'orders.yaml': orders, 'agents.cedar': policies, 'secret.txt': 'planted-secret\n' })
    const dry = await cli('ada', ['apply', '-f', dir, '--dry-run'])
    expect(dry).toMatchObject({ status: 0, err: '' })
    expect(dry.out).toMatch(/^\+ .*orders \(create\)$/m)
    expect(dry.out).toContain('dry run')
    expect((await json('ada', 'connections')).items).toEqual([])
    expect((await json('ada', 'apply', '-f', dir)).differences).toContainEqual(expect.objectContaining({ name: 'orders', change: 'create' }))
    expect((await json('ada', 'connections')).items).toMatchObject([{ name: 'orders', labels: { environment: 'prod' }, managedBy: 'git', spec: { credentials: { username: 'app', sealed: true } } }])
    expect((await cli('ada', ['apply', '-f', dir])).out).toContain('Nothing to change.')
    expect((await cli('alice', ['connections'])).out).toBe('NAME    PROTOCOL  LABELS\norders  postgres  environment=prod\n')
  })

  test('keeps a secret that differs in nothing but its sealing, until it is to be sent again', async () => {
    const dir = configuration('good', { 'secret.txt': 'rotated-secret\n' })
    expect((await cli('ada', ['apply', '-f', dir])).out).toContain('Nothing to change.')
    expect((await cli('ada', ['apply', '-f', dir, '--reseal'])).out).toMatch(/^~ .*orders \(update\)$/m)
  })

  test('names what is wrong by file, line and field, also what only the services know, and applies nothing', async () => {
    const wrong = configuration('wrong', { 'a.yaml': orders.replace('port: 5432', 'port: 99999').replace('name: orders,', 'name: others,'), 'secret.txt': 'x' })
    const ran = await cli('ada', ['apply', '-f', wrong])
    expect(ran).toMatchObject({ status: 5, out: '' })
    expect(ran.err).toContain('a.yaml:6: spec.target.port:')
    const misspelt = configuration('misspelt', { 'p.cedar': '@id("p") permit (principal, action, resource) when { context.hasWere };' })
    const failed = await cli('ada', ['apply', '-f', misspelt, '--json'])
    expect(failed).toMatchObject({ status: 5, out: '' })
    expect(JSON.parse(failed.err).error.details.faults).toContainEqual(expect.objectContaining({ file: 'p.cedar', line: 1 }))
    expect(await cli('ada', ['apply', '-f', path.join(platform.dir, 'none')])).toMatchObject({ status: 5 })
    expect(await cli('alice', ['apply', '-f', path.join(platform.dir, 'good')])).toMatchObject({ status: 3 })
    expect((await json('ada', 'connections')).items).toHaveLength(1)
  })
})

describe('explaining', () => {
  test('says what would happen and why: by action, by a whole command, about oneself and about others', async () => {
    expect(await json('coding-agent', 'policy', 'explain', '--connection', 'orders', '--action', 'sql.select')).toMatchObject({ outcome: 'allow', policies: ['agents-read'] })
    const others = ['policy', 'explain', '--as', 'coding-agent', '--group', 'ai-agents', '--connection', 'orders']
    expect(await json('iris', ...others, '--text', 'delete from orders')).toMatchObject({ outcome: 'hold', needs: [{ group: 'dba', policy: 'writes-need-a-dba' }] })
    expect((await cli('iris', [...others, '--action', 'sql.delete', '--fact', 'hasWhere=false'])).out).toMatch(/^outcome +hold$/m)
    expect(await cli('alice', [...others, '--action', 'sql.delete'])).toMatchObject({ status: 3 })
    expect(await cli('iris', [...others, '--action', 'sql.delete', '--fact', 'hasWere=false'])).toMatchObject({ status: 2, err: expect.stringContaining('hasWhere') })
    expect(await cli('iris', [...others, '--action', 'sql.nonsense'])).toMatchObject({ status: 5 })
    expect(await cli('iris', ['policy', 'explain', '--connection', 'nowhere', '--action', 'sql.select'])).toMatchObject({ status: 4 })
  })
})

describe('approvals', () => {
  const request = (command: string) => platform.bus.call(at(requestApproval, 'px1'), {
    command, session: 'ses_1', proxy: 'px1', connection: 'orders', action: 'sql.delete', summary: 'delete from orders where id = ?', digest: 'a'.repeat(64), mode: 'hold',
    principal: { kind: 'agent', issuer: 'development', subject: 'coding-agent', uid: 'coding-agent', groups: ['ai-agents'], owner: 'alice', chain: [] },
    needs: [{ policy: 'writes-need-a-dba', group: 'dba', count: 1, expiresMs: 600_000, park: false }],
  })

  test('are listed, shown with the exact text, approved and denied', async () => {
    const stop = platform.bus.serve(at(exactText, 'px1'), () => ({ text: 'delete from orders\n where id = $1 \u001b[2J', parameters: ['7'], digest: 'a'.repeat(64) }))
    await platform.bus.flush()
    const [first, second] = [await request('cmd_1'), await request('cmd_2')]
    const listed = (await cli('bob', ['approvals'])).out.split('\n')
    expect(listed[0]).toMatch(/^ID +STATUS +WHO +CONNECTION +ACTION +NEEDS +UNTIL +SUMMARY$/)
    expect(listed.filter((line) => line.startsWith('ap_'))).toHaveLength(2)
    const shown = (await cli('bob', ['approvals', 'show', first.id])).out
    expect(shown).toContain('  delete from orders\n   where id = $1 \\x1b[2J\n  $1 = 7\n')
    expect((await cli('alice', ['approvals', 'show', first.id])).out).toContain('delete from orders where id = ?')
    expect(await json('bob', 'approvals', 'show', first.id)).toMatchObject({ exact: { parameters: ['7'] } })
    expect(await cli('alice', ['approvals', 'approve', first.id])).toMatchObject({ status: 3 })
    expect((await cli('bob', ['approvals', 'approve', first.id, '--comment', 'fine'])).out).toBe(`${first.id} is approved.\n`)
    expect(await cli('bob', ['approvals', 'deny', second.id])).toMatchObject({ status: 2 })
    expect(await json('bob', 'approvals', 'deny', second.id, '--comment', 'no')).toMatchObject({ status: 'denied', resolutions: [{ by: 'bob', comment: 'no' }] })
    expect((await json('bob', 'approvals', 'list', '--status', 'denied')).items).toMatchObject([{ id: second.id }])
    expect((await cli('bob', ['approvals'])).out).toBe('No approvals that concern you are pending.\n')
    expect(await cli('bob', ['approvals', 'show', 'ap_none'])).toMatchObject({ status: 4 })
    await stop()
  })
})

describe('agents', () => {
  test('that were removed are listed, and forgotten by name', async () => {
    const spec = { issuer: 'development', subject: 'alice', owner: 'bob', connections: [] }
    const { access_token: token } = await (await fetch(`${platform.idp.issuer}/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'client_credentials', client_id: 'ada', client_secret: 'ada-secret' }) })).json() as { access_token: string }
    const ask = (method: string, body?: object) => fetch(`${platform.api}/v1/agents/by-mistake`, { method, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
    expect((await ask('PUT', { spec })).status).toBe(200)
    expect((await ask('DELETE')).status).toBe(204)
    expect(await cli('alice', ['whoami'])).toMatchObject({ status: 3, err: expect.stringContaining('alice was removed from Sallyport') })
    expect((await cli('ada', ['agents'])).out).toContain('by-mistake')
    expect(await cli('bob', ['agents', 'forget', 'by-mistake'])).toMatchObject({ status: 3 })
    expect(await json('ada', 'agents', 'forget', 'by-mistake')).toEqual({ forgotten: 'by-mistake' })
    expect((await cli('ada', ['agents'])).out).toBe('No agents were removed.\n')
    expect(await cli('alice', ['whoami'])).toMatchObject({ status: 0 })
  })
})

describe('sessions', () => {
  test('are listed, and replayed as text and JSON', async () => {
    const session = recordedSession()
    await waitFor(async () => { await platform.bus.append(sessionSubject('px1', 0), encodeBatch(session.events)); return true })
    await waitFor(async () => (await json('iris', 'replay', session.id)).entries[0]?.status === 'completed')
    expect((await cli('iris', ['sessions'])).out).toContain(session.id)
    expect((await json('iris', 'sessions', '--status', 'closed')).items).toEqual([])
    const text = await cli('iris', ['replay', session.id])
    expect(text).toMatchObject({ status: 0, err: '' })
    expect(text.out).toContain('‹masked›')
    expect(JSON.parse((await cli('iris', ['replay', session.id, '--format', 'json'])).out)).toMatchObject({ session: { id: session.id }, next: null })
    expect(await cli('bob', ['replay', session.id])).toMatchObject({ status: 4 })
  })
})

describe('client programs', () => {
  const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

  beforeAll(async () => {
    const client = new pg.Client({ connectionString: platform.target })
    await client.connect()
    await client.query('create role orders login')
    await client.query('create database orders owner orders')
    await client.end()
  })

  test('are run with the endpoint and a credential that ends with them', async () => {
    const env = { PGSERVICE: 'elsewhere', PGDATABASE: 'elsewhere', PGHOSTADDR: '192.0.2.1', HOME: platform.dir }
    const ran = await cli('coding-agent', ['psql', 'orders', '-XAtc', 'select current_user', '-c', '\\! printenv PGPASSWORD PGPORT; printenv SALLYPORT_TOKEN'], { env })
    expect(ran).toMatchObject({ status: 0, err: '' })
    const [user, secret, port] = ran.out.trim().split('\n')
    expect([user, port]).toEqual(['orders', String(platform.listener.port)])
    expect(secret).toMatch(/^spc_/)
    await expect(platform.bus.call(verifyCredential, { sha256: sha256(secret!), connection: 'orders' })).rejects.toMatchObject({ code: 'forbidden' })
  })

  test('get their own options, and give their own exit status', async () => {
    expect((await cli('coding-agent', ['psql', 'orders', '--help'])).out).toContain('psql is the PostgreSQL interactive terminal')
    expect(await cli('coding-agent', ['psql', 'orders', '-Xc', 'select 1/0'])).toMatchObject({ status: 1, err: expect.stringContaining('division by zero') })
    expect((await cli('coding-agent', ['psql', '--help'])).out).toContain('Usage: sallyport psql')
  })

  test('are refused for what isn\'t there, and said to be missing', async () => {
    expect(await cli('coding-agent', ['psql', 'nowhere'])).toMatchObject({ status: 4 })
    expect(await cli('coding-agent', ['psql', 'orders'], { env: { PATH: platform.dir } })).toMatchObject({ status: 127, err: expect.stringContaining('psql') })
  })

  test('can be run by hand with a credential', async () => {
    const { credential, connection } = await json('coding-agent', 'credential', 'orders', '--ttl', '60')
    expect(await platform.bus.call(verifyCredential, { sha256: sha256(credential), connection })).toMatchObject({ principal: { uid: 'coding-agent' } })
  })
})
