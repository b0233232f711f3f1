import { describe, expect, it } from '@jest/globals'
import { md5Response, saslPrep, scramClient } from './scram.js'

describe('SCRAM-SHA-256', () => {
  // The exchange of RFC 7677, section 3, with the user name that PostgreSQL uses; the signature is then another, so it is computed from the same keys.
  const nonce = Buffer.from('rOprNGfwEbeRWgbNEkqO', 'latin1')

  it('refuses a nonce that does not continue ours, and iteration counts beyond the limit', async () => {
    const client = scramClient('pencil', { flag: 'n', data: new Uint8Array(0) }, nonce)
    const ours = nonce.toString('base64')
    await expect(client.final(Buffer.from('r=somethingelse,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'))).rejects.toMatchObject({ code: 'target-failed' })
    await expect(client.final(Buffer.from(`r=${ours},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`))).rejects.toMatchObject({ code: 'target-failed' })
    await expect(client.final(Buffer.from(`r=${ours}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=2000000000`))).rejects.toMatchObject({ code: 'target-failed' })
    await expect(client.final(Buffer.from(`r=${ours}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=0`))).rejects.toMatchObject({ code: 'target-failed' })
  })

  it('refuses a server that cannot sign', async () => {
    const client = scramClient('pencil', { flag: 'n', data: new Uint8Array(0) }, nonce)
    await client.final(Buffer.from(`r=${nonce.toString('base64')}x,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`))
    expect(() => client.verify(Buffer.from('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='))).toThrow('signature')
    expect(() => client.verify(Buffer.from('e=other-error'))).toThrow('signature')
  })

  it('says whether it is bound to the channel', () => {
    expect(scramClient('x', { flag: 'y', data: new Uint8Array(0) }, nonce).first.toString()).toBe(`y,,n=*,r=${nonce.toString('base64')}`)
    expect(scramClient('x', { flag: 'p', data: Buffer.from('hash') }, nonce).first.toString().startsWith('p=tls-server-end-point,,n=*')).toBe(true)
  })

  it('prepares passwords as PostgreSQL does', () => {
    expect(saslPrep('I\u00ADX')).toBe('IX')
    expect(saslPrep('a\u00A0b')).toBe('a b')
    expect(saslPrep('\u2168')).toBe('IX')
    expect(saslPrep('\u0007')).toBe('\u0007')
  })
})

it('answers MD5 challenges', () => {
  expect(md5Response('joe', 'secret', Buffer.from([1, 2, 3, 4]))).toMatch(/^md5[0-9a-f]{32}$/)
  expect(md5Response('joe', 'secret', Buffer.from([1, 2, 3, 4]))).not.toBe(md5Response('joe', 'secret', Buffer.from([1, 2, 3, 5])))
})
