import { readFileSync } from 'node:fs'
import tls from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { freePort, waitFor } from '@sallyport/testing'
import type pg from 'pg'
import type { Platform } from './harness/platform.js'
import { fieldsOf, frame, GSSENC_REQUEST, RawClient, SSL_REQUEST, startup, startupPacket, VERSION_30 } from './harness/raw-postgres.js'
import { startProxy } from './harness/services.js'
import { startShop } from './harness/shop.js'
import { openHalf } from './harness/half-open.js'
import { makeCertificates } from './harness/certificates.js'

/** Each takes a file in this process. */
const HALF_OPEN = Number(process.env['SALLYPORT_TEST_HALF_OPEN'] ?? 10_000)
const HALF_OPEN_BYTES_MAX = 32 * 1024
const MEBIBYTE = 1024 * 1024
const PARSE = frame('P', '\0select $1\0\0\0')

let platform: Platform
let working: pg.Client
let token: string
let loris: Promise<RawClient>

beforeAll(async () => {
  platform = await startShop()
  token = await platform.agentToken()
  working = await platform.client('shop', token)
  loris = slowly()
}, 90_000)

afterAll(async () => {
  await working?.end()
  await platform?.stop()
})

/** One byte of a start-up packet every two seconds. */
const slowly = async (): Promise<RawClient> => {
  const client = await RawClient.connect(platform.proxyPort)
  const bytes = startup({ user: 'shop', application_name: 'x'.repeat(200) })
  let at = 0
  const timer = setInterval(() => { client.send(bytes.subarray(at, ++at)) }, 2_000)
  await new Promise((resolve) => { client.socket.once('close', resolve) })
  clearInterval(timer)
  return client
}

/** The session beside goes on. */
const unharmed = async (): Promise<void> => {
  const { rows } = await working.query('select id from orders order by id')
  expect(rows.length).toBe(3)
}

const targetLog = (): string => readFileSync(platform.target.logFile, 'utf8')
const refusedSessions = async (): Promise<number> => {
  await platform.settled()
  return (await platform.sessions()).filter((session) => session.status === 'refused').length
}

const said = async (bytes: readonly Buffer[], letters = 0): Promise<RawClient> => {
  const client = await RawClient.connect(platform.proxyPort)
  client.expectLetters(letters)
  client.send(...bytes)
  await client.ended()
  return client
}

/** Memory of the process with garbage gone as far as that can be had, in bytes. */
const memory = (): number => {
  const { rss } = process.memoryUsage()
  return rss
}

describe('start-up packets', () => {
  const cases: readonly (readonly [string, readonly Buffer[], string, number?])[] = [
    ['a length of zero', [startupPacket(VERSION_30, '', 0)], '08P01'],
    ['a length below the least', [startupPacket(VERSION_30, '', 7)], '08P01'],
    ['a negative length', [startupPacket(VERSION_30, 'user\0shop\0\0', -1)], '08P01'],
    ['a length of 2 GB', [startupPacket(VERSION_30, 'user\0shop\0\0', 0x7fffffff)], '08P01'],
    ['a length just over the limit', [startupPacket(VERSION_30, 'x'.repeat(9_993))], '08P01'],
    ['a browser', [Buffer.from('GET / HTTP/1.1\r\nHost: db\r\n\r\n')], '08P01'],
    ['a client of another protocol', [Buffer.from('SSH-2.0-OpenSSH_9.2\r\n')], '08P01'],
    ['a TLS hello without a request for it', [Buffer.from('16030100c8010000c40303', 'hex'), Buffer.alloc(200)], '08P01'],
    ['protocol 2.0', [startupPacket(131_072, 'user\0shop\0\0')], '0A000'],
    ['protocol 9.9', [startupPacket(589_833, 'user\0shop\0\0')], '0A000'],
    ['nobody', [startup({ database: 'shop' })], '28000'],
    ['an empty name', [startup({ user: '' })], '28000'],
    ['no terminator', [startupPacket(VERSION_30, 'user\0shop\0')], '08P01'],
    ['a name without a value', [startupPacket(VERSION_30, 'user\0')], '08P01'],
    ['bytes behind the terminator', [startupPacket(VERSION_30, 'user\0shop\0\0database\0shop\0')], '08P01'],
    ['two users', [startupPacket(VERSION_30, 'user\0shop\0user\0nowhere\0\0')], '08P01'],
    ['options that are no settings', [startupPacket(VERSION_30, 'user\0shop\0options\0-e rm\0\0')], '08P01'],
    ['replication', [startup({ user: 'shop', replication: 'database' })], '0A000'],
    ['SSLRequest twice', [SSL_REQUEST, SSL_REQUEST], '08P01', 1],
    ['GSSENCRequest twice', [GSSENC_REQUEST, GSSENC_REQUEST], '08P01', 1],
    ['an SSLRequest with a body', [startupPacket(80_877_103, 'xx')], '08P01'],
    ['a cancel request without a key', [startupPacket(80_877_102)], '08P01'],
    ['a cancel request with a key of 9 kB', [startupPacket(80_877_102, 'k'.repeat(9_000))], '08P01'],
  ]

  test('each is refused with an error of the protocol, and has an event', async () => {
    const before = await refusedSessions()
    for (const [name, bytes, code, letters] of cases) {
      const client = await said(bytes, letters)
      expect({ name, codes: client.codes, rest: client.rest.length }).toEqual({ name, codes: [code], rest: 0 })
    }
    await unharmed()
    expect(await refusedSessions() - before).toBe(cases.length)
  })

  test('split into single bytes they say the same', async () => {
    const client = await RawClient.connect(platform.proxyPort)
    for (const byte of startup({ user: 'shop' })) client.send(Buffer.from([byte]))
    expect((await client.until('R')).body.readInt32BE(0)).toBe(3)
    client.destroy()
  })

  test('a cancel request with an unknown key is answered by nothing, and cancels nothing', async () => {
    const client = await said([startupPacket(80_877_102, Buffer.alloc(8, 7))])
    expect(client.messages).toEqual([])
    await unharmed()
  })

  test('a name with bytes that are no text, or of 9,000 characters, is one that is not known', async () => {
    for (const user of [Buffer.from('c328fffe', 'hex'), Buffer.from('u'.repeat(9_000)), Buffer.from('sh\u0001op; drop')]) {
      const client = await said([startupPacket(VERSION_30, Buffer.concat([Buffer.from('user\0'), user, Buffer.from('\0\0')])), frame('p', `${token}\0`)])
      expect(client.codes).toEqual(['28000'])
    }
    await unharmed()
  })
})

describe('log-in', () => {
  const cases: readonly (readonly [string, (secret: string) => Buffer, string])[] = [
    ['a query instead of a password', () => frame('Q', 'select 1\0'), '08P01'],
    ['Sync instead of a password', () => frame('S'), '08P01'],
    ['Terminate instead of a password', () => frame('X'), '08P01'],
    ['a password with a negative length', () => frame('p', 'x\0', -4), '08P01'],
    ['a password of 2 GB', () => frame('p', 'x\0', 0x7fffffff), '08P01'],
    ['a password of 70 kB', () => frame('p', `${'x'.repeat(70_000)}\0`), '08P01'],
    ['a password of 60 kB', () => frame('p', `${'x'.repeat(60_000)}\0`), '28P01'],
    ['an empty password', () => frame('p', '\0'), '28P01'],
    ['a password without its end', () => frame('p', 'secret'), '08P01'],
    ['a password with a NUL inside', (secret) => frame('p', `${secret}\0more\0`), '08P01'],
    ['a token with three dots', () => frame('p', 'a.b.c\0'), '28P01'],
    ['a token of another algorithm', () => frame('p', `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"sub":"coding-agent"}').toString('base64url')}.\0`), '28P01'],
    ['an unknown credential', () => frame('p', `spc_${'a'.repeat(40)}\0`), '57P03'],
  ]

  test('each is refused with an error of the protocol, and has an event', async () => {
    const before = await refusedSessions()
    for (const [name, bytes, code] of cases) {
      const client = await said([startup({ user: 'shop' }), bytes(token)])
      expect({ name, codes: client.codes }).toEqual({ name, codes: [code] })
    }
    await unharmed()
    expect(await refusedSessions() - before).toBe(cases.length)
  })

  test('commands that a refused user sends along do not run', async () => {
    const mallory = await platform.issuer.token('mallory', [])
    for (const secret of ['wrong', mallory]) {
      const client = await said([startup({ user: 'shop' }), frame('p', `${secret}\0`), frame('Q', 'update orders set total = 990031337\0'), frame('X')])
      expect(client.messages.map(({ type }) => type)).toEqual(['R', 'E'])
    }
    expect(targetLog()).not.toContain('990031337')
    await unharmed()
  })

  test('a password sent twice is an error of the session, which it ends', async () => {
    const client = await said([startup({ user: 'shop' }), frame('p', `${token}\0`), frame('p', `${token}\0`)])
    expect(client.codes).toEqual(['08P01'])
    await unharmed()
  })

  test('commands that an admitted user sends along run after the log-in', async () => {
    const client = await RawClient.connect(platform.proxyPort)
    client.send(startup({ user: 'shop' }), frame('p', `${token}\0`), frame('Q', 'select 4711\0'))
    await client.until('Z', 2)
    expect(client.messages.find(({ type }) => type === 'D')?.body.toString('latin1')).toContain('4711')
    client.destroy()
  })
})

describe('an open session', () => {
  const fatal: readonly (readonly [string, Buffer])[] = [
    ['a type that does not exist', frame('!', 'x')],
    ['a NUL type', frame('\0', '')],
    ['a length of three', frame('Q', 'select 1\0', 3)],
    ['a negative length', frame('Q', 'select 1\0', -2_000_000_000)],
    ['a Sync of 2 GB', frame('S', '', 0x7fffffff)],
    ['another password', frame('p', 'x\0')],
    ['an SSLRequest', SSL_REQUEST],
    ['a start-up packet', startup({ user: 'shop' })],
  ]

  test('what breaks the stream ends that session with FATAL 08P01, and no other', async () => {
    for (const [name, bytes] of fatal) {
      const client = await RawClient.open(platform.proxyPort, 'shop', token)
      client.send(bytes)
      await client.ended()
      expect({ name, errors: client.messages.filter(({ type }) => type === 'E').map((message) => [fieldsOf(message)['V'], fieldsOf(message)['C']]) }).toEqual({ name, errors: [['FATAL', '08P01']] })
    }
    await unharmed()
  })

  const broken: readonly (readonly [string, Buffer, string])[] = [
    ['a Sync with a body', frame('S', 'xx'), '08P01'],
    ['a Flush with a body', frame('H', 'xx'), '08P01'],
    ['a query without its end', frame('Q', 'select 1'), '08P01'],
    ['a query with a NUL inside', frame('Q', 'select 1\0; update orders set total = 990031338\0'), '08P01'],
    ['an empty query message', frame('Q', ''), '08P01'],
    ['Parse with a count that lies', frame('P', '\0select 1\0\x7f\xff'), '08P01'],
    ['Bind with a count that lies', Buffer.concat([PARSE, frame('B', '\0\0\x7f\xff')]), '08P01'],
    ['Bind with a value longer than the message', Buffer.concat([PARSE, frame('B', '\0\0\0\0\0\x01\x7f\xff\xff\xff')]), '08P01'],
    ['Bind with a negative length', Buffer.concat([PARSE, frame('B', '\0\0\0\0\0\x01\xff\xff\xff\x00\0\0')]), '08P01'],
    ['Describe of a thing that does not exist', frame('D', 'Zx\0'), '08P01'],
    ['Execute without a limit', frame('E', '\0'), '08P01'],
    ['Close of nothing', frame('C', ''), '08P01'],
    ['a function call that lies, refused for the function', frame('F', '\0\0\0\x01\x7f\xff'), '42501'],
    ['an unknown statement', frame('B', '\0no such statement\0\0\0\0\0\0\0'), '26000'],
    ['an unknown portal', frame('E', 'no such portal\0\0\0\0\0'), '34000'],
  ]

  test('what is broken in itself is an error, and the session goes on after Sync', async () => {
    for (const [name, bytes, code] of broken) {
      const client = await RawClient.open(platform.proxyPort, 'shop', token)
      client.send(bytes, frame('S'))
      await client.until('Z')
      client.send(frame('Q', 'select 4712\0'))
      await waitFor(() => client.closed || client.messages.some(({ type, body }) => type === 'D' && body.includes('4712')), { what: `${name}: the session going on` })
      expect({ name, codes: client.codes, closed: client.closed }).toEqual({ name, codes: [code], closed: false })
      client.destroy()
    }
    expect(targetLog()).not.toContain('990031338')
    await unharmed()
  })

  test('COPY data and its ends without a COPY change nothing', async () => {
    const client = await RawClient.open(platform.proxyPort, 'shop', token)
    client.send(frame('d', 'x'.repeat(100_000)), frame('c'), frame('f', 'why\0'), frame('Q', 'select 4713\0'))
    await client.until('Z')
    expect(client.codes).toEqual([])
    client.destroy()
  })

  test('Sync, Flush and a query in the middle of COPY', async () => {
    const engineer = await platform.issuer.token('alice', ['engineers'])
    const client = await RawClient.open(platform.proxyPort, 'shop', engineer)
    client.send(frame('Q', 'copy notes from stdin\0'))
    await client.until('G')
    client.send(frame('d', '90\tone\n'), frame('S'), frame('H'), frame('d', '91\ttwo\n'), frame('c'))
    await client.until('Z')
    expect(client.codes).toEqual([])
    client.send(frame('Q', 'copy notes from stdin\0'))
    await client.until('G', 2)
    client.send(frame('d', '92\tthree\n'), frame('Q', 'select 1\0'))
    await client.ended()
    // PostgreSQL's own: what ended the COPY, and that it can't follow any more.
    expect(client.codes).toEqual(['08P01', '08P01'])
    const direct = await platform.direct('shop')
    expect((await direct.query('select id from notes where id >= 90 order by id')).rows).toEqual([{ id: 90 }, { id: 91 }])
    await direct.end()
    await unharmed()
  })
})

describe('sizes', () => {
  test('a statement of 64 MB, and one of 20,000 terms, are refused in their place; memory is bounded', async () => {
    const before = memory()
    const client = await RawClient.open(platform.proxyPort, 'shop', token)
    const huge = Buffer.alloc(64 * MEBIBYTE, 0x20)
    for (const statement of [Buffer.concat([Buffer.from('select 1'), huge]), huge.subarray(0, 64 * MEBIBYTE - 5)]) {
      client.messages.length = 0
      for (const piece of [frame('Q', '', statement.length + 5), statement, Buffer.from([0])]) client.socket.write(piece)
      const during = unharmed()
      await client.until('Z')
      await during
      expect(['54000', '0A000', '57P03']).toContain(client.codes[0])
    }
    client.messages.length = 0
    client.send(frame('Q', `select ${Array.from({ length: 20_000 }, (_, index) => index).join(' + ')}\0`))
    const during = unharmed()
    await client.until('Z')
    await during
    // Read as a proven read, it is the target whose stack is too small for it.
    expect(['0A000', '54000', '54001', undefined]).toContain(client.codes[0])
    client.messages.length = 0
    client.send(frame('Q', 'select 4714\0'))
    await client.until('D')
    client.destroy()
    expect(memory() - before).toBeLessThan(768 * MEBIBYTE)
  })

  test('40,000 parameters, more than a signed count holds, are a command like any other', async () => {
    const values = Array.from({ length: 40_000 }, (_, index) => String(index))
    const text = `select array_length(array[${values.map((_, index) => `$${index + 1}`).join(',')}]::text[], 1) as n`
    expect((await working.query(text, values)).rows).toEqual([{ n: 40_000 }])
    const client = await RawClient.open(platform.proxyPort, 'shop', token)
    client.send(frame('P', `\0${text}\0\0\0`), frame('D', 'S\0'), frame('S'))
    await client.until('Z')
    expect({ codes: client.codes, types: client.messages.map(({ type }) => type).join('') }).toEqual({ codes: [], types: '1tTZ' })
    client.destroy()
  })

  test('a client that asks for 300 MB and does not read costs little memory', async () => {
    const client = await RawClient.open(platform.proxyPort, 'shop-stream', token)
    const before = memory()
    client.socket.pause()
    client.send(frame('Q', `select repeat('x', 1000) from generate_series(1, 300000)\0`))
    await new Promise((resolve) => { setTimeout(resolve, 2_000) })
    await unharmed()
    expect(memory() - before).toBeLessThan(128 * MEBIBYTE)
    client.destroy()
  })

  test('a client that pipelines 200,000 messages without reading costs little memory', async () => {
    const client = await RawClient.open(platform.proxyPort, 'shop-stream', token)
    const before = memory()
    client.socket.pause()
    const sync = Buffer.concat(Array.from({ length: 20_000 }, () => frame('S')))
    for (let count = 0; count < 10; count += 1) client.send(sync)
    await new Promise((resolve) => { setTimeout(resolve, 1_000) })
    await unharmed()
    expect(memory() - before).toBeLessThan(128 * MEBIBYTE)
    client.destroy()
  })
})

describe('half-open connections', () => {
  test(`${HALF_OPEN} of them beside a working session cost little, and are gone when they leave`, async () => {
    await platform.settled()
    const before = memory()
    let opening = true
    const opened = openHalf(platform.proxyPort, HALF_OPEN, startup({ user: 'shop' }).subarray(0, 9)).finally(() => { opening = false })
    while (opening) await unharmed()
    const halves = await opened
    const another = await platform.client('shop', token)
    expect((await another.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    await another.end()
    expect(memory() - before).toBeLessThan(HALF_OPEN_BYTES_MAX * HALF_OPEN)
    expect(await halves.leave()).toBe(0)
    await unharmed()
  }, 60_000)
})

describe('TLS', () => {
  let port: number
  beforeAll(async () => {
    const { certFile, keyFile } = makeCertificates()
    port = await freePort()
    platform.proxies.push(await startProxy(platform.backing, platform.secrets, 'px-tls', port, { SALLYPORT_TLS_CERT_FILE: certFile, SALLYPORT_TLS_KEY_FILE: keyFile }))
  })

  test('garbage instead of a hand-shake ends that connection and has an event', async () => {
    const before = await refusedSessions()
    const client = await RawClient.connect(port)
    client.expectLetters(1)
    client.send(SSL_REQUEST)
    await client.until('letter S')
    client.send(Buffer.alloc(4_096, 0x41))
    await client.ended()
    await waitFor(async () => await refusedSessions() === before + 1, { what: 'the event' })
    await unharmed()
  })

  test('bytes in the clear right behind SSLRequest are never taken for part of the encrypted session', async () => {
    const before = await refusedSessions()
    const client = await RawClient.connect(port)
    client.expectLetters(0)
    client.send(SSL_REQUEST, startup({ user: 'shop' }), frame('p', `${token}\0`), frame('Q', 'update orders set total = 990031339\0'))
    await client.ended()
    expect(client.codes).toEqual(['08P01'])
    expect(targetLog()).not.toContain('990031339')
    await waitFor(async () => await refusedSessions() === before + 1, { what: 'the event' })
  })

  test('a session over TLS works after all that', async () => {
    const client = await platform.client('shop', token, { port, ssl: { rejectUnauthorized: false } })
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
    await client.end()
    const socket = tls.connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
    await new Promise((resolve) => { socket.once('error', resolve).once('close', resolve) })
  })
})

test('one byte every two seconds: the log-in ends after its time, with an event', async () => {
  const client = await loris
  expect(client.codes).toEqual(['54000'])
  await platform.settled()
  expect((await platform.sessions()).some((session) => session.status === 'refused' && session.reason?.includes('took too long') === true)).toBe(true)
}, 45_000)
