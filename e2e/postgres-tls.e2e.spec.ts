import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { waitFor } from '@sallyport/testing'
import { makeCertificates } from './harness/certificates.js'
import { startFaultProxy } from './harness/fault-proxy.js'
import type { Platform } from './harness/platform.js'
import { runProgram } from './harness/programs.js'
import { RawClient, startupPacket } from './harness/raw-postgres.js'
import { startShop } from './harness/shop.js'

const certificates = makeCertificates()
let platform: Platform
let token: string

beforeAll(async () => {
  platform = await startShop({
    targetSettings: { ssl: 'on', ssl_cert_file: certificates.certFile, ssl_key_file: certificates.keyFile },
    proxyEnv: { SALLYPORT_TLS_CERT_FILE: certificates.certFile, SALLYPORT_TLS_KEY_FILE: certificates.keyFile },
  })
  token = await platform.agentToken()
}, 90_000)

afterAll(() => platform?.stop())

/** Points the connection `shop` at the target with another TLS mode; the credential is sealed anew, being bound to it. */
const retarget = async (tls: string, more: { host?: string; ca?: string } = {}): Promise<void> => {
  await platform.connectWith('shop', { database: 'shop', username: 'app', password: 'app-secret-on-target' }, { tls, ...more } as never)
}

const ask = (mode: string, sql: string) =>
  runProgram('psql', ['-X', '-A', '-t', '-c', sql], { ...platform.libpq('shop', token), PGHOST: 'localhost', PGSSLMODE: mode, PGSSLROOTCERT: certificates.caFile })

const ONE = 'select id from orders where id = 1'

describe('towards the client', () => {
  test.each(['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'])('psql with sslmode=%s', async (mode) => {
    await retarget('disable')
    const { code, out, err } = await ask(mode, ONE)
    expect(err).toBe('')
    expect([code, out]).toEqual([0, '1\n'])
  })

  test('what really was encrypted is in the record', async () => {
    await retarget('disable')
    await ask('require', ONE)
    await ask('disable', ONE)
    await platform.settled()
    const opened = (await platform.events()).filter((event) => event.type === 'sallyport.session.opened.v1').map((event) => (event.event?.['data'] as { tls: { client: boolean } }).tls.client)
    expect(opened).toContain(true)
    expect(opened).toContain(false)
  })
})

describe('towards the target', () => {
  const targetSsl = async (): Promise<boolean> => {
    await platform.settled()
    const events = (await platform.events()).filter((event) => event.type === 'sallyport.session.opened.v1')
    const latest = events.sort((a, b) => (a.time < b.time ? 1 : -1))[0]
    return (latest!.event!['data'] as { tls: { target: boolean } }).tls.target
  }

  test.each([['disable', false], ['allow', false], ['prefer', true], ['require', true]] as const)('tls: %s', async (tls, encrypted) => {
    await retarget(tls)
    const { code, out } = await ask('prefer', ONE)
    expect([code, out]).toEqual([0, '1\n'])
    expect(await targetSsl()).toBe(encrypted)
  })

  test.each(['verify-ca', 'verify-full'])('tls: %s with the right authority', async (tls) => {
    await retarget(tls, { host: 'localhost', ca: certificates.ca })
    const { code, out } = await ask('prefer', ONE)
    expect([code, out]).toEqual([0, '1\n'])
    expect(await targetSsl()).toBe(true)
  })

  test.each([['disable', false], ['require', true], ['verify-full', true]] as const)('tls: %s, and a request to cancel goes the same way', async (tls, encrypted) => {
    const relay = await startFaultProxy(platform.target.port)
    await platform.connectWith('shop', { database: 'shop', username: 'app', password: 'app-secret-on-target', port: relay.port }, { tls, ...(encrypted ? { host: 'localhost', ca: certificates.ca } : {}) } as never)
    const client = await platform.client('shop', await platform.issuer.token('erin', ['engineers']))
    const running = client.query('select pg_sleep(30)')
    running.catch(() => undefined)
    await waitFor(async () => {
      const direct = await platform.direct()
      const { rows } = await direct.query('select 1 from pg_stat_activity where usename = \'app\' and state = \'active\' and query like \'%pg_sleep(30)%\'')
      await direct.end()
      return rows.length > 0
    }, { what: 'the command running on the target' })
    const before = relay.heard.length
    const { processID, secretKey } = client as unknown as { processID: number; secretKey: number }
    const asked = await RawClient.connect(platform.proxyPort)
    const key = Buffer.alloc(8)
    key.writeInt32BE(processID, 0)
    key.writeInt32BE(secretKey, 4)
    asked.send(startupPacket(80_877_102, key))
    await expect(running).rejects.toMatchObject({ code: '57014' })
    await waitFor(() => relay.heard.length > before && (!encrypted || relay.heard.at(-1)!.length > 8), { what: 'the request to cancel' })
    const said = relay.heard.at(-1)!
    expect(said.readInt32BE(4)).toBe(encrypted ? 80_877_103 : 80_877_102)
    // Behind SSLRequest comes a TLS hand-shake record, and nothing else.
    if (encrypted) expect(said[8]).toBe(22)
    await client.end()
    relay.stop()
    await retarget('disable')
  })

  test.each(['verify-ca', 'verify-full'])('tls: %s with an unknown authority is refused', async (tls) => {
    await retarget(tls, { host: 'localhost', ca: makeCertificates().ca })
    const { code, err } = await ask('prefer', ONE)
    expect(code).not.toBe(0)
    expect(err).toContain('TLS to the target could not be set up')
    expect(err).not.toContain('app-secret')
  })
})
