import { createHash, randomBytes } from 'node:crypto'
import http from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify, type JWTPayload } from 'jose'
import { InsecureBindError, principals, secretOf, startDevIdp, type DevIdp } from './index.js'

let idp: DevIdp
beforeAll(async () => { idp = await startDevIdp({ port: 0 }) })
afterAll(async () => { await idp.stop() })

const TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token'
const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'

const post = async (path: string, form: Record<string, string>): Promise<{ status: number; body: Record<string, string> }> => {
  const response = await fetch(`${idp.issuer}${path}`, { method: 'POST', body: new URLSearchParams(form) })
  return { status: response.status, body: await response.json() as Record<string, string> }
}
const tokenOf = async (name: string): Promise<string> =>
  (await post('/token', { grant_type: 'client_credentials', client_id: name, client_secret: `${name}-secret` })).body['access_token']!
const claimsOf = async (token: string): Promise<JWTPayload> =>
  (await jwtVerify(token, createRemoteJWKSet(new URL(`${idp.issuer}/jwks`)), { issuer: idp.issuer, audience: 'sallyport', typ: 'at+jwt' })).payload
const exchange = (agent: string, form: Record<string, string>) =>
  post('/token', { grant_type: EXCHANGE, client_id: agent, client_secret: `${agent}-secret`, subject_token_type: TOKEN_TYPE, ...form })

describe('client credentials', () => {
  it.each(principals.map((principal) => [principal.name, principal] as const))('%s gets a token that says who it is', async (name, principal) => {
    const { status, body } = await post('/token', { grant_type: 'client_credentials', client_id: name, client_secret: secretOf(principal) })
    expect(status).toBe(200)
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 3600 })
    expect(decodeProtectedHeader(body['access_token']!)).toMatchObject({ alg: 'ES256', typ: 'at+jwt' })
    expect(await claimsOf(body['access_token']!)).toMatchObject({ sub: name, client_id: name, groups: principal.groups })
  })

  it('takes the secret in the Authorization header as well', async () => {
    const response = await fetch(`${idp.issuer}/token`, { method: 'POST', headers: { authorization: `Basic ${btoa('ada:ada-secret')}` }, body: new URLSearchParams({ grant_type: 'client_credentials' }) })
    expect(response.status).toBe(200)
  })

  it('refuses a wrong secret and an unknown client', async () => {
    expect(await post('/token', { grant_type: 'client_credentials', client_id: 'ada', client_secret: 'bob-secret' })).toMatchObject({ status: 401, body: { error: 'invalid_client' } })
    expect(await post('/token', { grant_type: 'client_credentials', client_id: 'mallory', client_secret: 'mallory-secret' })).toMatchObject({ status: 401 })
  })
})

describe('token exchange', () => {
  it('gives an agent a token for acting in a person\'s name', async () => {
    const { status, body } = await exchange('coding-agent', { subject_token: await tokenOf('alice') })
    expect(status).toBe(200)
    expect(body).toMatchObject({ token_type: 'Bearer', issued_token_type: TOKEN_TYPE })
    expect(await claimsOf(body['access_token']!)).toMatchObject({ sub: 'alice', groups: ['engineers'], client_id: 'coding-agent', act: { sub: 'coding-agent', groups: ['ai-agents'] } })
  })

  it('keeps who acted before', async () => {
    const first = await exchange('coding-agent', { subject_token: await tokenOf('alice') })
    const second = await exchange('ci-agent', { subject_token: first.body['access_token']!, actor_token: await tokenOf('ci-agent'), actor_token_type: TOKEN_TYPE })
    expect(await claimsOf(second.body['access_token']!)).toMatchObject({ sub: 'alice', act: { sub: 'ci-agent', act: { sub: 'coding-agent' } } })
  })

  it('refuses people as actors, foreign tokens, and another actor than the client', async () => {
    const alice = await tokenOf('alice')
    expect(await exchange('bob', { subject_token: alice })).toMatchObject({ status: 400, body: { error: 'unauthorized_client' } })
    expect(await exchange('coding-agent', { subject_token: `${alice.slice(0, -4)}AAAA` })).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    expect(await exchange('coding-agent', { subject_token: alice, actor_token: await tokenOf('ci-agent'), actor_token_type: TOKEN_TYPE })).toMatchObject({ status: 400 })
    expect(await exchange('coding-agent', { subject_token: alice, audience: 'elsewhere' })).toMatchObject({ status: 400, body: { error: 'invalid_target' } })
  })
})

/** A browser in miniature: keeps cookies, follows redirects within the issuer. */
const browser = () => {
  const cookies = new Map<string, string>()
  const go = async (url: string, form?: Record<string, string>): Promise<{ url: string; html: string }> => {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
    })
    for (const line of response.headers.getSetCookie()) {
      const [name, value] = line.split(';')[0]!.split('=') as [string, string]
      if (value === '') cookies.delete(name)
      else cookies.set(name, value)
    }
    const location = response.headers.get('location')
    if (location === null) return { url, html: await response.text() }
    const next = new URL(location, url).href
    return next.startsWith(idp.issuer) ? go(next) : { url: next, html: '' }
  }
  return go
}
const formAction = (html: string): string => new URL(/action="([^"]+)"/.exec(html)![1]!, idp.issuer).href
const hidden = (html: string, name: string): string => new RegExp(`name="${name}" value="([^"]*)"`).exec(html)![1]!

describe('authorization code with PKCE', () => {
  const verifier = randomBytes(32).toString('base64url')
  const authorize = (extra: Record<string, string> = {}): string => `${idp.issuer}/auth?${new URLSearchParams({
    client_id: 'sallyport-cli', response_type: 'code', scope: 'openid', redirect_uri: 'http://127.0.0.1:45678/callback', state: 's',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'), code_challenge_method: 'S256', ...extra,
  })}`

  it('logs a person in, after a wrong password, and gives the token to whoever knows the verifier', async () => {
    const go = browser()
    const form = await go(authorize())
    const again = await go(formAction(form.html), { login: 'bob', password: 'wrong' })
    expect(again.html).toContain('Name or password is wrong.')
    const done = await go(formAction(again.html), { login: 'bob', password: 'bob-secret' })
    const code = new URL(done.url).searchParams.get('code')!
    const redeem = (codeVerifier: string) => post('/token', { grant_type: 'authorization_code', client_id: 'sallyport-cli', code, redirect_uri: 'http://127.0.0.1:45678/callback', code_verifier: codeVerifier })
    const { status, body } = await redeem(verifier)
    expect(status).toBe(200)
    expect(await claimsOf(body['access_token']!)).toMatchObject({ sub: 'bob', groups: ['dba', 'approvers'] })
    expect(await redeem(verifier)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  })

  it('refuses a wrong verifier, no challenge at all, and a redirect elsewhere', async () => {
    const go = browser()
    const done = await go(formAction((await go(authorize())).html), { login: 'bob', password: 'bob-secret' })
    const code = new URL(done.url).searchParams.get('code')!
    expect(await post('/token', { grant_type: 'authorization_code', client_id: 'sallyport-cli', code, redirect_uri: 'http://127.0.0.1:45678/callback', code_verifier: randomBytes(32).toString('base64url') })).toMatchObject({ status: 400 })
    expect((await browser()(authorize({ code_challenge: '' }))).url).toContain('error=invalid_request')
    const elsewhere = await browser()(authorize({ redirect_uri: 'https://elsewhere.example/callback' }))
    expect(elsewhere.html).toContain('redirect_uri')
  })
})

describe('device flow', () => {
  it('gives the device its token when a person has confirmed the code', async () => {
    const { body: device } = await post('/device/auth', { client_id: 'sallyport-cli', scope: 'openid' })
    const poll = () => post('/token', { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', client_id: 'sallyport-cli', device_code: device['device_code']! })
    expect(await poll()).toMatchObject({ status: 400, body: { error: 'authorization_pending' } })
    const go = browser()
    const confirm = await go(device['verification_uri_complete']!)
    const page = /op\.deviceInputForm/.test(confirm.html)
      ? await go(formAction(confirm.html), { xsrf: hidden(confirm.html, 'xsrf'), user_code: device['user_code']! })
      : confirm
    const login = await go(formAction(page.html), { xsrf: hidden(page.html, 'xsrf'), user_code: device['user_code']!, confirm: 'yes' })
    const done = await go(formAction(login.html), { login: 'carol', password: 'carol-secret' })
    expect(done.html).toContain('Go back to your terminal')
    const { status, body } = await poll()
    expect(status).toBe(200)
    expect(await claimsOf(body['access_token']!)).toMatchObject({ sub: 'carol', groups: ['dba', 'approvers'] })
  })
})

describe('where it listens', () => {
  it.each(['0.0.0.0', '::', '10.1.2.3', 'example.org'])('refuses %s', async (host) => {
    await expect(startDevIdp({ port: 0, host })).rejects.toThrow(InsecureBindError)
  })

  it('listens elsewhere when asked to explicitly, under the name given', async () => {
    const other = await startDevIdp({ port: 0, host: '0.0.0.0', insecureBind: true, issuer: 'http://dev-idp:7301' })
    expect(other.issuer).toBe('http://dev-idp:7301')
    await other.stop()
    const split = await startDevIdp({ port: 0, host: '0.0.0.0', insecureBind: true, issuer: 'http://127.0.0.1:7301', hosts: ['dev-idp:7301'] })
    const status = (host: string) => new Promise((resolve) => http.get(`http://127.0.0.1:${split.port}/jwks`, { headers: { host } }, (response) => resolve(response.resume().statusCode)))
    expect([await status('dev-idp:7301'), await status('dev-idp:7302')]).toEqual([200, 421])
    await split.stop()
  })

  it('does not answer under a foreign host name', async () => {
    const status = await new Promise((resolve) => http.get(`${idp.issuer}/jwks`, { headers: { host: 'attacker.example' } }, (response) => resolve(response.resume().statusCode)))
    expect(status).toBe(421)
  })
})
