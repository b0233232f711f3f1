import { randomBytes } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { rememberOfTarget, sealingContext, verifyCredential } from '@sallyport/contracts/directory'
import { encodeBatch, sequenceText, sessionSubject } from '@sallyport/contracts/events'
import { newId, newUuid } from '@sallyport/contracts/ids'
import { encodeFrames, type RecordedFrame } from '@sallyport/contracts/recording'
import type { RpcError } from '@sallyport/contracts/rpc'
import { sessionEventTypes } from '@sallyport/contracts/session'
import { publicKeyDigest } from '@sallyport/identity'
import { seal } from '@sallyport/sealing'
import { waitFor } from '@sallyport/testing'
import { startCluster, type Cluster } from './cluster.js'
import { recordedSession } from './recorded-session.js'

let cluster: Cluster
const ask: Cluster['ask'] = (...args) => cluster.ask(...args)
const codeOf = (work: Promise<unknown>): Promise<string> => work.then(() => 'answered', (error: RpcError) => error.code)

const put = async (host: string, more: object = {}) => {
  const target = { host, port: 5432, database: 'orders', tls: 'require' }
  const sealed = await seal('pw', [cluster.sealing.publicKey], sealingContext('orders', target, { username: 'app', kind: 'password' }))
  return ask('ada', 'PUT', '/v1/connections/orders', { body: { spec: { protocol: 'postgres', target, credentials: { username: 'app', sealed }, ...more } } })
}

beforeAll(async () => {
  cluster = await startCluster()
  await put('10.0.0.5')
}, 120_000)
afterAll(async () => { await cluster.stop() })

const bytes = (text: string): Buffer => Buffer.from(text, 'utf8')
const frame = (kind: RecordedFrame['kind'], atMs: number, content: Buffer): RecordedFrame => ({ kind, atMs, bytes: content })

describe('recorded streams', () => {
  test('are played as asciicast, and their beginning is in the replay', async () => {
    const { id, events } = recordedSession()
    const all = [...events]
    const command = newId('cmd')
    const add = (type: string, data: object): void => void all.push(JSON.stringify({
      specversion: '1.0', id: newUuid(), source: 'sallyport/px1', type, subject: command, session: id, time: new Date().toISOString(), sequence: sequenceText(all.length + 1), data,
    }))
    const euro = bytes('€')
    const first = [frame('resize', 0, bytes('100x30')), frame('output', 5, bytes('\u001b[31m\u001b(B\u001b=red\u001b[0m\r\n')), frame('output', 20, euro.subarray(0, 1))]
    const second = [frame('output', 30, euro.subarray(1)), frame('input', 1250, bytes('q')), frame('resize', 1300, bytes('80x24'))]
    const chunk = (index: number, frames: readonly RecordedFrame[], sinceMs: number): void => {
      const encoded = encodeFrames(frames, sinceMs)
      add(sessionEventTypes.recording, { command, index, bytes: encoded.length, frames: deflateRawSync(encoded).toString('base64') })
    }
    add(sessionEventTypes.requested, { command, action: 'sql.select', class: 'read', effects: [], fingerprint: 'f', statement: 'a stream', statementBytes: 8, input: 'none', digest: 'd', decision: { outcome: 'allow', policies: ['p'], revision: 1 } })
    chunk(0, first, 0)
    chunk(1, second, 20)
    add(sessionEventTypes.completed, { command, outcome: 'completed', durationUs: 1, bytesOut: 20, recorded: 20 })
    await waitFor(async () => { await cluster.bus.append(sessionSubject('px1', 0), encodeBatch(all)); return true })
    await waitFor(async () => (await ask('iris', 'GET', `/v1/sessions/${id}/commands?status=completed`)).body.items?.length === 2)

    const cast = await ask('iris', 'GET', `/v1/sessions/${id}/replay?format=asciicast`)
    expect(cast.headers.get('content-type')).toContain('application/x-asciicast')
    const [header, ...lines] = cast.text.trim().split('\n').map((line) => JSON.parse(line) as unknown)
    expect(header).toMatchObject({ version: 2, width: 100, height: 30 })
    expect(lines).toEqual([[0.005, 'o', '\u001b[31m\u001b(B\u001b=red\u001b[0m\r\n'], [0.03, 'o', '€'], [1.25, 'i', 'q'], [1.3, 'r', '80x24']])

    const entries = (await ask('alice', 'GET', `/v1/sessions/${id}/replay`)).body.entries as { readonly output?: object }[]
    expect(entries.map(({ output }) => output)).toEqual([undefined, undefined, { text: '\u001b[31m\u001b(B\u001b=red\u001b[0m\r\n€', truncated: false, terminal: true }])
    expect((await ask('iris', 'GET', `/v1/sessions/${id}/replay?format=text`)).text).toContain('> red\n')
    expect((await ask('bob', 'GET', `/v1/sessions/${id}/replay?format=asciicast`)).status).toBe(404)
    expect(await ask('iris', 'GET', `/v1/sessions/${newId('ses')}/replay?format=asciicast`)).toMatchObject({ status: 404 })
  })
})

describe('a public key', () => {
  const blob = randomBytes(51).toString('base64')
  const register = (who: string, publicKey = `ssh-ed25519 ${blob} me@here`) => ask(who, 'POST', '/v1/credentials', { body: { connection: 'orders', publicKey } })
  const holder = () => cluster.bus.call(verifyCredential, { sha256: publicKeyDigest('orders', blob), connection: 'orders' })

  test('stands for whoever registered it, on that connection, until it is revoked; for nobody else meanwhile', async () => {
    expect(await codeOf(holder())).toBe('forbidden')
    const made = await register('alice')
    expect(made).toMatchObject({ status: 201, body: { connection: 'orders' } })
    expect(made.body).not.toHaveProperty('credential')
    expect(await holder()).toMatchObject({ principal: { uid: 'alice' } })
    expect(await codeOf(cluster.bus.call(verifyCredential, { sha256: publicKeyDigest('other', blob), connection: 'orders' }))).toBe('forbidden')
    expect((await register('bob')).status).toBe(409)
    const again = await register('alice')
    expect(again.status).toBe(201)
    expect((await ask('alice', 'DELETE', `/v1/credentials/${again.body.id}`)).status).toBe(204)
    expect(await codeOf(holder())).toBe('forbidden')
    expect((await register('bob')).status).toBe(201)
    expect(await holder()).toMatchObject({ principal: { uid: 'bob' } })
  })

  test.each(['', 'ssh-ed25519', 'no key at all', 'command="sh" ssh-ed25519 AAAA'])('is not taken from "%s"', async (line) => {
    expect((await register('alice', line)).status).toBe(422)
  })
})

describe('what is learned of a target', () => {
  const remember = (value: string) => cluster.bus.call(rememberOfTarget, { connection: 'orders', name: 'host-key', value })

  test('stays as it was first seen, also among many at once, as long as the connection leads there, and is an event', async () => {
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map(remember))
    expect(new Set(answers.map(({ value }) => value)).size).toBe(1)
    const { value } = answers[0]!
    expect(await remember('z')).toEqual({ value })
    expect(await codeOf(cluster.bus.call(rememberOfTarget, { connection: 'nowhere', name: 'host-key', value: 'x' }))).toBe('not-found')
    expect((await put('10.0.0.6')).status).toBe(200)
    await waitFor(async () => (await remember('z')).value === 'z')
    await put('10.0.0.5')
    await waitFor(async () => (await remember('y')).value === value)
    await waitFor(async () => (await ask('iris', 'GET', '/v1/events?type=sallyport.connection.learned.v1')).body.items?.length === 2)
  })
})

test('a connection says only what its protocol takes', async () => {
  expect(await put('10.0.0.5', { options: { speed: 'fast' } })).toMatchObject({ status: 422, body: { faults: [{ field: 'spec.options' }] } })
  const credentials = { username: 'app', kind: 'private-key' }
  expect(await put('10.0.0.5', { credentials })).toMatchObject({ status: 422, body: { faults: [{ field: 'spec.credentials', message: expect.stringContaining('password') }] } })
})
