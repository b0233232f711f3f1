import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Issuer } from '@sallyport/contracts/identity'
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose'
import { createVerifier, type Verified } from './index.js'

const keyPair = await generateKeyPair('ES256', { extractable: true })
const strangers = await generateKeyPair('ES256', { extractable: true })
let server: http.Server
let url: string
let requests: string[] = []
let discovery: (() => object | undefined) | undefined

beforeAll(async () => {
  const jwk = { ...(await exportJWK(keyPair.publicKey)), kid: 'one', alg: 'ES256' }
  server = http.createServer((request, response) => {
    requests.push(request.url ?? '')
    const body = request.url === '/keys' ? { keys: [jwk] } : (discovery ?? (() => ({ issuer: url, jwks_uri: `${url}/keys` })))()
    if (body === undefined) return void response.writeHead(503).end()
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => new Promise((resolve) => { server.close(resolve) }))

const issuer = (more: Partial<Issuer> = {}): Issuer => ({ name: 'corp', url, audience: 'sallyport', groupsClaim: 'groups', primary: true, ...more })

interface Making { readonly key?: typeof keyPair.privateKey; readonly header?: object; readonly expires?: string | number; readonly audience?: string; readonly iss?: string }
const token = (claims: JWTPayload = {}, making: Making = {}): Promise<string> =>
  new SignJWT({ sub: 'bob', groups: ['dba'], ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: 'one', typ: 'at+jwt', ...making.header })
    .setIssuer(making.iss ?? url).setAudience(making.audience ?? 'sallyport').setIssuedAt().setExpirationTime(making.expires ?? '10m')
    .sign(making.key ?? keyPair.privateKey)

const verify = async (text: string | Promise<string>, issuers: readonly Issuer[] = [issuer()]): Promise<Verified> => createVerifier({ issuers: () => issuers }).verify(await text)

const codeOf = (work: Promise<unknown>): Promise<string> => work.then(() => 'accepted', (error: { code: string }) => error.code)

describe('a token', () => {
  test('of the primary issuer names its subject and groups as they are', async () => {
    const { party, expiresAt } = await verify(token())
    expect(party).toEqual({ kind: 'user', issuer: 'corp', subject: 'bob', uid: 'bob', groups: ['dba'], person: true, chain: [] })
    expect(expiresAt.getTime()).toBeGreaterThan(Date.now())
  })

  test('of another issuer carries its name, so that neither subjects nor groups merge', async () => {
    const { party } = await verify(token(), [issuer({ primary: false })])
    expect(party).toMatchObject({ uid: 'corp/bob', groups: ['corp/dba'] })
    const partner = issuer({ name: 'partner', url: 'https://partner.example', primary: false })
    expect(await codeOf(verify(token({ sub: 'partner/bob' }), [issuer(), partner]))).toBe('malformed')
    expect(await codeOf(verify(token({ groups: ['partner/dba'] }), [issuer(), partner]))).toBe('malformed')
    expect((await verify(token({ groups: ['/dba'] }), [issuer(), partner])).party.groups).toEqual(['/dba'])
  })

  test('shows a person by what its issuer is set to, whatever else it holds', async () => {
    const people = { claim: 'kind', values: ['person', 'staff'] }
    const shown = async (claims: JWTPayload, setting?: Issuer['people']) => (await verify(token(claims), [issuer(setting === undefined ? {} : { people: setting })])).party.person
    expect(await shown({ kind: 'person' }, people)).toBe(true)
    expect(await shown({ kind: ['x', 'staff'] }, people)).toBe(true)
    for (const kind of [undefined, 'agent', [], ['persons'], true, null, { person: true }]) expect([kind, await shown({ kind }, people)]).toEqual([kind, undefined])
    expect(await shown({ groups: ['employees'] }, { claim: 'groups', values: ['employees'] })).toBe(true)
    expect(await shown({ kind: 'person', act: { sub: 'coding-agent' } }, people)).toBeUndefined()
  })

  test.each([
    ['a person\'s own', { sub: 'bob', client_id: 'console' }, true],
    ['a token without any mark', { sub: 'bob' }, true],
    ['a client\'s, as RFC 9068 has it', { sub: 'pipeline', client_id: 'pipeline' }, undefined],
    ['a client\'s, by its authorised party', { sub: 'pipeline', azp: 'pipeline' }, undefined],
    ['a client\'s, as others write it', { sub: 'abc@clients', azp: 'abc' }, undefined],
    ['a client\'s, by its grant', { sub: 'x', gty: 'client-credentials' }, undefined],
    ['a client\'s, by the claim that Okta has for it', { sub: 'pipeline', cid: 'pipeline' }, undefined],
    ['a client\'s, by its account in Keycloak', { sub: 'e5b0', azp: 'Pipeline', preferred_username: 'service-account-pipeline' }, undefined],
    ['a client\'s, as Entra ID says it', { sub: 'e5b0', azp: 'pipeline', idtyp: 'app' }, undefined],
    ['a person\'s, by Keycloak', { sub: 'e5b0', azp: 'console', preferred_username: 'bob' }, true],
    ['one that says it is a program\'s', { sub: 'bob', client_id: 'console', principal_kind: 'agent' }, undefined],
    ['one that says it is a person\'s', { sub: 'bob', client_id: 'bob', principal_kind: 'person' }, true],
    ['one that says something else', { sub: 'bob', principal_kind: ['person'] }, undefined],
  ] as const)('without a setting, %s', async (_, claims, person) => {
    expect((await verify(token(claims as unknown as JWTPayload))).party.person).toBe(person)
  })

  test('of an actor makes the actor the principal and those it acts for its chain, nearest first', async () => {
    const { party } = await verify(token({ sub: 'alice', groups: ['engineers'], act: { sub: 'coding-agent', groups: ['ai-agents'], act: { sub: 'planner' } } }))
    expect(party).toMatchObject({ uid: 'coding-agent', groups: ['ai-agents'] })
    expect(party.chain.map(({ uid }) => uid)).toEqual(['planner', 'alice'])
    const deep = { sub: 'a', act: { sub: 'b', act: { sub: 'c', act: { sub: 'd', act: { sub: 'e' } } } } }
    expect(await codeOf(verify(token({ act: deep })))).toBe('malformed')
    expect((await verify(token({ act: deep.act }))).party.chain).toHaveLength(4)
    expect(await codeOf(verify(token({ act: { sub: 'coding-agent', iss: 'https://elsewhere.example' } })))).toBe('malformed')
    expect(await codeOf(verify(token({ act: 'coding-agent' })))).toBe('malformed')
  })

  test('is refused with a stable code', async () => {
    expect(await codeOf(verify(token({}, { expires: Math.floor(Date.now() / 1000) - 60 })))).toBe('expired')
    expect(await codeOf(verify(token({}, { audience: 'another' })))).toBe('wrong-audience')
    expect(await codeOf(verify(token({}, { iss: 'https://elsewhere.example' })))).toBe('unknown-issuer')
    expect(await codeOf(verify(token({}, { key: strangers.privateKey })))).toBe('bad-signature')
    expect(await codeOf(verify(token({}, { header: { kid: 'two' } })))).toBe('bad-signature')
    expect(await codeOf(verify(token({}, { header: { typ: 'logout+jwt' } })))).toBe('malformed')
    expect(await codeOf(verify(token({ nbf: Math.floor(Date.now() / 1000) + 600 })))).toBe('malformed')
    expect(await codeOf(verify(token({ groups: 'dba' })))).toBe('malformed')
    expect(await codeOf(verify(token({ groups: Array.from({ length: 501 }, (_, index) => `g${index}`) })))).toBe('malformed')
    expect(await codeOf(verify(token({ sub: '' })))).toBe('malformed')
    expect(await codeOf(verify('nonsense'))).toBe('malformed')
    expect(await codeOf(verify('x'.repeat(20_000)))).toBe('malformed')
  })

  test('with no signature, or one by a shared secret, is refused', async () => {
    const [, payload] = (await token()).split('.')
    const none = `${Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url')}.${payload}.`
    expect(await codeOf(verify(none))).not.toBe('accepted')
    const shared = new SignJWT({ sub: 'bob' }).setProtectedHeader({ alg: 'HS256', kid: 'one' }).setIssuer(url).setAudience('sallyport').setExpirationTime('10m')
      .sign(new TextEncoder().encode(JSON.stringify(await exportJWK(keyPair.publicKey))))
    expect(await codeOf(verify(shared))).toBe('bad-signature')
  })

  test('without an expiry is refused', async () => {
    const endless = new SignJWT({ sub: 'bob' }).setProtectedHeader({ alg: 'ES256', kid: 'one' }).setIssuer(url).setAudience('sallyport').sign(keyPair.privateKey)
    expect(await codeOf(verify(endless))).toBe('malformed')
  })
})

describe('the issuer\'s keys', () => {
  test('come from where the services reach it, when that is another address than the one it calls itself by', async () => {
    requests = []
    const outside = 'http://127.0.0.1:1'
    const split = issuer({ url: outside, keysUrl: `${url}/keys` })
    expect((await verify(token({}, { iss: outside }), [split])).party.uid).toBe('bob')
    expect(requests).toEqual(['/keys'])
    expect(await codeOf(verify(token(), [split]))).toBe('unknown-issuer')
    expect(await codeOf(verify(token({}, { iss: outside, key: strangers.privateKey }), [split]))).toBe('bad-signature')
  })

  test('are fetched once for all who ask at the same time', async () => {
    requests = []
    const verifier = createVerifier({ issuers: () => [issuer()] })
    const text = await token()
    await Promise.all(Array.from({ length: 8 }, () => verifier.verify(text)))
    expect(requests.sort()).toEqual(['/.well-known/openid-configuration', '/keys'])
  })

  test('that can\'t be fetched, or are another\'s, make nobody anybody', async () => {
    discovery = () => undefined
    expect(await codeOf(verify(token()))).toBe('unavailable')
    discovery = () => ({ issuer: 'https://elsewhere.example', jwks_uri: `${url}/keys` })
    expect(await codeOf(verify(token()))).toBe('unavailable')
    discovery = undefined
    expect(await codeOf(verify(token()))).toBe('accepted')
    expect(await codeOf(createVerifier({ issuers: () => Promise.reject(new Error('down')) }).verify(await token()))).toBe('unavailable')
  })
})
