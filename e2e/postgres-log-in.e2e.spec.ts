import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { waitFor } from '@sallyport/testing'
import type { Platform } from './harness/platform.js'
import { fieldsOf, frame, RawClient, startupPacket } from './harness/raw-postgres.js'
import { startShop } from './harness/shop.js'

const VERSION_32 = 196_610
const CANCEL = 80_877_102

let platform: Platform
let token = ''

beforeAll(async () => {
  platform = await startShop()
  token = await platform.issuer.token('erin', ['engineers'])
}, 90_000)

afterAll(() => platform?.stop())

const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}
const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

const start = async (version: number, parameters: Record<string, string>): Promise<RawClient> => {
  const client = await RawClient.connect(platform.proxyPort)
  client.send(startupPacket(version, `${Object.entries(parameters).map(([name, value]) => `${name}\0${value}\0`).join('')}\0`))
  return client
}

const sasl = (data: string, mechanism = 'OAUTHBEARER'): Buffer => frame('p', Buffer.concat([Buffer.from(`${mechanism}\0`), int32(data.length), Buffer.from(data, 'latin1')]))
const bearer = (auth: string): string => `n,,\x01auth=${auth}\x01\x01`

describe('OAUTHBEARER', () => {
  const ask = async (): Promise<RawClient> => {
    const client = await start(VERSION_32, { user: 'shop+oauth' })
    const { body } = await client.until('R')
    expect(body.toString('latin1')).toBe('\0\0\0\x0aOAUTHBEARER\0\0')
    return client
  }

  test('a token lets in', async () => {
    const client = await ask()
    client.send(sasl(bearer(`Bearer ${token}`)))
    await client.until('Z')
    client.send(frame('Q', 'select 1 + 1\0'))
    expect((await client.until('D')).body.toString('latin1').endsWith('2')).toBe(true)
    client.destroy()
  })

  test.each([['a wrong token', `Bearer ${'x'.repeat(40)}`], ['no token: where one comes from is asked', '']])('%s: the error as JSON, an acknowledgement, and the end', async (_, auth) => {
    const client = await ask()
    client.send(sasl(bearer(auth)))
    const { body } = await client.until('R', 2)
    expect(body.readInt32BE(0)).toBe(11)
    expect(JSON.parse(body.toString('utf8', 4))).toMatchObject({ status: 'invalid_token' })
    expect(client.messages.some(({ type }) => type === 'E')).toBe(false)
    client.send(frame('p', '\x01'))
    expect(fieldsOf(await client.until('E'))).toMatchObject({ S: 'FATAL', C: expect.stringMatching(/^28/) })
    await client.ended()
  })

  test.each([
    ['no gs2 header', 'auth=Bearer x\x01\x01'], ['a channel binding that was not offered', 'p=tls-unique,,\x01auth=Bearer x\x01\x01'], ['two tokens', 'n,,\x01auth=Bearer x\x01auth=Bearer y\x01\x01'],
    ['another scheme', bearer('Basic eDp5')], ['no end', 'n,,\x01auth=Bearer x\x01'], ['nothing', ''],
  ])('malformed: %s', async (_, data) => {
    const client = await ask()
    client.send(sasl(data))
    expect(fieldsOf(await client.until('E'))).toMatchObject({ S: 'FATAL', C: '08P01' })
    await client.ended()
  })

  test('another mechanism than the offered one', async () => {
    const client = await ask()
    client.send(sasl('n,,n=x,r=y', 'SCRAM-SHA-256'))
    expect(fieldsOf(await client.until('E'))).toMatchObject({ C: '08P01' })
    await client.ended()
  })
})

describe('protocol versions', () => {
  test('a younger minor version and unknown options are answered with what is spoken here', async () => {
    const client = await start(196_617, { user: 'shop', '_pq_.new_thing': '1' })
    const { body } = await client.until('v')
    expect(body.readInt32BE(0)).toBe(VERSION_32)
    expect(body.readInt32BE(4)).toBe(1)
    expect(body.toString('latin1', 8)).toBe('_pq_.new_thing\0')
    client.send(frame('p', `${token}\0`))
    await client.until('Z')
    client.destroy()
  })

  test('3.2: the cancel key is long, and only the whole of it cancels', async () => {
    const client = await start(VERSION_32, { user: 'shop' })
    client.send(frame('p', `${token}\0`))
    await client.until('Z')
    const key = (await client.until('K')).body
    expect(key.length).toBeGreaterThan(16)
    expect(key.length).toBeLessThanOrEqual(4 + 256)
    client.send(frame('Q', 'select pg_sleep(20)\0'))
    const direct = await platform.direct()
    await waitFor(async () => (await direct.query('select 1 from pg_stat_activity where usename = \'app\' and state = \'active\' and query like \'%pg_sleep%\'')).rows.length > 0, { what: 'the command running' })
    await direct.end()
    const cancel = async (bytes: Buffer): Promise<void> => {
      const other = await RawClient.connect(platform.proxyPort)
      other.send(startupPacket(CANCEL, bytes))
      await other.ended()
      expect(other.messages).toEqual([])
    }
    await cancel(key.subarray(0, 8))
    await cancel(Buffer.concat([key.subarray(0, 4), Buffer.alloc(256)]))
    expect(client.codes).toEqual([])
    await cancel(key)
    await client.until('Z', 2)
    expect(client.codes).toEqual(['57014'])
    client.destroy()
  })

  test('3.0: the key has four bytes; versions 2 and 4 are not spoken', async () => {
    const client = await start(196_608, { user: 'shop' })
    client.send(frame('p', `${token}\0`))
    expect((await client.until('K')).body.length).toBe(8)
    client.destroy()
    for (const version of [131_072, 262_144]) {
      const refused = await start(version, { user: 'shop' })
      expect(fieldsOf(await refused.until('E'))).toMatchObject({ S: 'FATAL', C: '0A000' })
      await refused.ended()
    }
  })
})

test('as many parameters as the protocol has, with types and formats, all in the record', async () => {
  const count = 40_000
  const client = await RawClient.open(platform.proxyPort, 'shop', token)
  const text = `select 'many', $${count}::text`
  client.send(
    frame('P', Buffer.concat([Buffer.from(`\0${text}\0`), int16(count), ...Array.from({ length: count }, () => int32(25))])),
    frame('B', Buffer.concat([Buffer.from('\0\0'), int16(1), int16(0), int16(count), ...Array.from({ length: count }, () => Buffer.concat([int32(1), Buffer.from('x')])), int16(0)])),
    frame('E', '\0\0\0\0\0'), frame('S'),
  )
  await client.until('Z')
  expect(client.codes).toEqual([])
  client.destroy()
  await platform.settled()
  const [command] = await platform.commands({ text: 'many' })
  expect(JSON.stringify(command)).toContain('"x"')
})
