import { describe, expect, test } from '@jest/globals'
import { configSchema, developmentIssuerOf, sealingKeysOf } from './config.js'

const database = { SALLYPORT_DATABASE_URL: 'postgres://x' }
const key = { kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA', kid: 'k' }
const accepts = (env: object): boolean => configSchema.safeParse({ ...database, ...env }).success

describe('the settings', () => {
  test('let the development issuer be on loopback only, unless that is allowed', () => {
    for (const url of ['http://127.0.0.1:7301', 'http://localhost:7301', 'http://[::1]:7301']) expect([url, accepts({ SALLYPORT_DEV_ISSUER: url })]).toEqual([url, true])
    for (const url of ['http://dev-idp:7301', 'http://10.0.0.1', 'http://127.0.0.1.evil.example', 'http://localhost.evil.example', 'http://127.evil.example']) {
      expect([url, accepts({ SALLYPORT_DEV_ISSUER: url })]).toEqual([url, false])
    }
    expect(accepts({ SALLYPORT_DEV_ISSUER: 'http://dev-idp:7301', SALLYPORT_DEV_IDP_ALLOW_NETWORK: '1' })).toBe(true)
    expect(accepts({ SALLYPORT_DEV_ISSUER: 'http://dev-idp:7301', SALLYPORT_DEV_IDP_ALLOW_NETWORK: '0' })).toBe(false)
    const split = { SALLYPORT_DEV_ISSUER: 'http://127.0.0.1:7301', SALLYPORT_DEV_ISSUER_KEYS: 'http://dev-idp:7301/jwks' }
    expect(accepts(split)).toBe(false)
    expect(accepts({ ...split, SALLYPORT_DEV_IDP_ALLOW_NETWORK: '1' })).toBe(true)
    expect(developmentIssuerOf(configSchema.parse({ ...database, SALLYPORT_DEV_ISSUER: 'http://127.0.0.1:7301' }))).toMatchObject({ name: 'development', url: 'http://127.0.0.1:7301', primary: true })
    expect(developmentIssuerOf(configSchema.parse(database))).toBeUndefined()
  })

  test('take public sealing keys, and never a private one nor its text into a message', () => {
    expect(sealingKeysOf(configSchema.parse({ ...database, SALLYPORT_SEALING_KEYS: JSON.stringify({ keys: [key] }) }))).toEqual([key])
    expect(sealingKeysOf(configSchema.parse({ ...database, SALLYPORT_SEALING_KEYS: '' }))).toEqual([])
    const wrong = configSchema.safeParse({ ...database, SALLYPORT_SEALING_KEYS: JSON.stringify({ keys: [{ ...key, d: 'private-part' }] }) })
    expect(wrong.success).toBe(false)
    expect(JSON.stringify(wrong.error)).not.toContain('private-part')
    expect(accepts({ SALLYPORT_SEALING_KEYS_FILE: '/nowhere' })).toBe(false)
  })
})
