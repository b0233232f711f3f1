import { describe, expect, test } from '@jest/globals'
import { connectionSpecSchema, sealingContext } from '@sallyport/contracts/directory'
import type { Content } from './document.js'
import { keepSealed, sealingFault } from './sealed.js'

const target = { host: 'db', port: 5432, tls: 'verify-full' as const }
const jwe = (context: string, ciphertext = 'AAAA', more: object = {}): string =>
  Buffer.from(JSON.stringify({ protected: 'e30', aad: Buffer.from(context).toString('base64url'), iv: 'AAAA', ciphertext, tag: 'AAAA', recipients: [{ encrypted_key: 'AAAA' }], ...more })).toString('base64url')
const fitting = (ciphertext?: string): string => jwe(sealingContext('orders', target, { username: 'app', kind: 'password' }), ciphertext)
const spec = (sealed: string | undefined, more: object = {}) => connectionSpecSchema.parse({ protocol: 'postgres', target, credentials: { username: 'app', ...(sealed === undefined ? {} : { sealed }) }, ...more })
const connection = (sealed: string | undefined, more: object = {}): Content => ({ kind: 'connection', object: 'orders', labels: {}, spec: spec(sealed, more) })
const sealedOf = (content: Content): string | undefined => (content.kind === 'connection' ? content.spec.credentials.sealed : undefined)

describe('a credential is taken', () => {
  test('when it is sealed, for this connection, host, port, TLS mode and user', () => {
    expect(sealingFault('orders', spec(fitting()))).toBeUndefined()
    expect(sealingFault('orders', spec(undefined))).toBeUndefined()
    expect(sealingFault('others', spec(fitting()))).toContain('another connection')
    for (const moved of [{ host: 'evil' }, { port: 1 }, { tls: 'disable' }]) expect(sealingFault('orders', spec(fitting(), { target: { ...target, ...moved } }))).toContain('given again')
    expect(sealingFault('orders', spec(fitting(), { credentials: { username: 'root', sealed: fitting() } }))).toContain('given again')
  })

  test('and nothing that is not sealed', () => {
    for (const plain of ['hunter2', Buffer.from('{"password":"hunter2"}').toString('base64url'), jwe('x', 'AAAA', { recipients: [] }), jwe('x', 'not base64url!')]) {
      expect(sealingFault('orders', spec(plain))).toContain('not sealed')
      expect(sealingFault('orders', spec(plain))).not.toContain('hunter2')
    }
  })
})

describe('the credential that is there', () => {
  const [old, fresh] = [fitting('OLD_'), fitting('NEW_')]
  test('stays when nothing but the ciphertext differs, unless it is to be resealed', () => {
    expect(sealedOf(keepSealed(connection(fresh), connection(old), { reseal: false }))).toBe(old)
    expect(sealedOf(keepSealed(connection(fresh), connection(old), { reseal: true }))).toBe(fresh)
  })

  test('gives way to the new one when anything else differs', () => {
    expect(sealedOf(keepSealed(connection(fresh, { durability: 'stream' }), connection(old), { reseal: false }))).toBe(fresh)
    expect(sealedOf(keepSealed(connection(fresh), connection(undefined), { reseal: false }))).toBe(fresh)
  })

  test('stays when none is given, as long as it fits', () => {
    expect(sealedOf(keepSealed(connection(undefined, { durability: 'stream' }), connection(old), { reseal: true }))).toBe(old)
    expect(sealedOf(keepSealed(connection(undefined, { target: { ...target, host: 'evil' } }), connection(old), { reseal: true }))).toBeUndefined()
  })
})
