import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { freePort, waitFor } from '@sallyport/testing'
import type pg from 'pg'
import { authentication, complete, dataRow, int32, parameter, ready, report, rowDescription, scram, startFakeTarget, welcome, type Peer, type Script } from './harness/fake-target.js'
import type { Platform } from './harness/platform.js'
import { fieldsOf, frame, RawClient, startup } from './harness/raw-postgres.js'
import { startShop } from './harness/shop.js'

const MEBIBYTE = 1024 * 1024
const PASSWORD = 'the-fake-targets-password'

let platform: Platform
let working: pg.Client
let fake: Awaited<ReturnType<typeof startFakeTarget>>
let token: string
let silent: Promise<RawClient>

beforeAll(async () => {
  ;[platform, fake] = await Promise.all([startShop(), startFakeTarget()])
  const mute = await startFakeTarget()
  token = await platform.agentToken()
  await platform.connect('fake', { database: 'shop', username: 'app', password: PASSWORD, port: fake.port })
  await platform.connect('mute', { database: 'shop', username: 'app', password: PASSWORD, port: mute.port })
  await platform.connect('closed-port', { database: 'shop', username: 'app', password: PASSWORD, port: await freePort() })
  working = await platform.client('shop', token)
  silent = loggingIn('mute').finally(() => mute.stop())
}, 90_000)

afterAll(async () => {
  await working?.end()
  fake?.stop()
  await platform?.stop()
})

const unharmed = async (): Promise<void> => {
  expect((await working.query('select id from orders order by id')).rows.length).toBe(3)
}
const memory = (): number => process.memoryUsage().rss

/** Logs in, and waits until the gateway ends it. */
const loggingIn = async (connection: string): Promise<RawClient> => {
  const client = await RawClient.connect(platform.proxyPort)
  client.send(startup({ user: connection }), frame('p', `${token}\0`))
  await new Promise((resolve) => { client.socket.once('close', resolve) })
  return client
}
/** The same; a log-in that hangs or succeeds is an error by its name. */
const refusedLogin = async (name: string): Promise<RawClient> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => { timer = setTimeout(() => reject(new Error(`a target that ${name}: the log-in did not end`)), 10_000) })
  return Promise.race([loggingIn('fake'), late]).finally(() => clearTimeout(timer))
}

const errors = (client: RawClient): (string | undefined)[][] => client.messages.filter(({ type }) => type === 'E').map((message) => [fieldsOf(message)['V'], fieldsOf(message)['C']])
const refused = async (): Promise<number> => {
  await platform.settled()
  return (await platform.sessions()).filter((session) => session.status === 'refused').length
}

const after = (...pieces: readonly Buffer[]): Script => async (peer) => {
  await peer.startup()
  peer.say(...pieces)
}
const thenClose = (script: Script): Script => async (peer) => {
  await script(peer)
  peer.socket.end()
}
const endless = async (peer: Peer, piece: Buffer): Promise<void> => {
  while (!peer.socket.destroyed) {
    if (!peer.socket.write(piece)) await new Promise((resolve) => { peer.socket.once('drain', resolve).once('close', resolve) })
    else await new Promise((resolve) => { setImmediate(resolve) })
  }
}

describe('during the log-in', () => {
  const password = authentication(3)
  const cases: readonly (readonly [string, Script, string])[] = [
    ['closes at once', (peer) => void peer.socket.end(), '08006'],
    // That comes before or after we know that we are connected.
    ['resets at once', (peer) => void peer.socket.resetAndDestroy(), '08006|08001'],
    ['closes after the start-up packet', thenClose(after()), '08006'],
    ['closes in the middle of a message', thenClose(after(password.subarray(0, 6))), '08006'],
    ['closes after asking for a password', thenClose(after(password)), '08006'],
    ['closes when it has the password', async (peer) => { await peer.startup(); peer.say(password); await peer.message(); peer.socket.end() }, '08006'],
    ['closes after letting us in', thenClose(after(authentication(0))), '08006'],
    ['closes before it is ready', thenClose(after(welcome.subarray(0, welcome.length - 6))), '08006'],
    ['announces 2 GB', after(frame('R', int32(0), 0x7fffffff)), '08006'],
    ['announces a negative length', after(frame('R', int32(0), -1)), '08006'],
    ['announces a length of three', after(frame('R', '', 3)), '08006'],
    ['sends a kind without a body', after(frame('R', '')), '08006'],
    ['speaks HTTP', after(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')), '08006'],
    ['sends rows', after(dataRow(['x'])), '08006'],
    ['asks for Kerberos', after(authentication(7)), '08006'],
    ['asks for an unknown method', after(authentication(4711)), '08006'],
    ['offers no mechanism', after(authentication(10, '\0')), '08006'],
    ['offers a mechanism of its own', after(authentication(10, 'PLAIN-PLEASE\0\0')), '08006'],
    ['goes on with SASL that did not begin', after(authentication(11, 'r=x,s=eA==,i=1')), '08006'],
    ['ends SASL that did not begin', after(authentication(12, 'v=eA==')), '08006'],
    ['asks for two thousand million iterations', scram(PASSWORD, { iterations: '2000000000' }), '08006'],
    ['asks for no iteration', scram(PASSWORD, { iterations: '0' }), '08006'],
    ['asks for minus one iterations', scram(PASSWORD, { iterations: '-1' }), '08006'],
    ['has a nonce of its own', scram(PASSWORD, { nonce: 'somebodyelses' }), '08006'],
    ['does not know the password', scram(PASSWORD, { signature: true }), '08006'],
    ['lets us in without its proof', scram(PASSWORD, { skipFinal: true }), '08006'],
    ['sends more than 64 kB in one message', after(authentication(0), parameter('x', 'y'.repeat(70_000))), '08006'],
    ['sends parameters without end', async (peer) => { await peer.startup(); peer.say(authentication(0)); await endless(peer, parameter('x', 'y'.repeat(1_000))) }, '08006'],
    ['sends notices without end', async (peer) => { await peer.startup(); await endless(peer, report('N', { S: 'NOTICE', C: '00000', M: 'y'.repeat(1_000) })) }, '08006'],
    ['has a status of its own', after(authentication(0), frame('Z', 'Q')), '08006'],
    ['is ready without a status', after(authentication(0), frame('Z', '')), '08006'],
    ['sends an error without an end', after(frame('E', 'SFATAL\0C53300\0Mno')), '08006'],
  ]

  test('each ends with FATAL 08006, the target\'s password in none of it, and has an event', async () => {
    const before = await refused()
    for (const [name, script, code] of cases) {
      fake.play(script)
      const client = await refusedLogin(name)
      expect({ name, errors: errors(client), said: client.messages.map(({ type }) => type).join('') }).toEqual({ name, errors: [['FATAL', expect.stringMatching(`^(?:${code})$`)]], said: 'RE' })
      expect(client.messages.map(({ body }) => body.toString('latin1')).join()).not.toContain(PASSWORD)
    }
    await unharmed()
    expect(await refused() - before).toBe(cases.length)
    await waitFor(() => fake.connections === 0, { what: 'every connection to the target being closed' })
  })

  test('the target\'s own refusal comes through with its code, but for what concerns the credential', async () => {
    fake.play(after(report('E', { S: 'FATAL', C: '53300', M: 'too many clients' })))
    expect(errors(await loggingIn('fake'))).toEqual([['FATAL', '53300']])
    fake.play(after(report('E', { S: 'FATAL', C: '28P01', M: 'password authentication failed for user "app"' })))
    const client = await loggingIn('fake')
    expect(errors(client)).toEqual([['FATAL', '08006']])
    expect(client.messages.at(-1)!.body.toString()).not.toContain('"app"')
  })

  test('a port on which nobody listens', async () => {
    const client = await loggingIn('closed-port')
    expect(errors(client)).toEqual([['FATAL', '08001']])
    expect(client.messages.at(-1)!.body.toString()).not.toMatch(/127\.0\.0\.1|ECONNREFUSED/)
  })
})

/** Opens a session, then answers its one query with the script. */
const answering = (script: (peer: Peer) => void | Promise<void>): Script => async (peer) => {
  await peer.startup()
  peer.say(welcome)
  await peer.message()
  await script(peer)
}
const saying = (...pieces: readonly Buffer[]): Script => answering((peer) => peer.say(...pieces))

const columns = (count: number, name = 'c'): string[] => Array.from({ length: count }, (_, index) => `${name}${index}`)

describe('in an open session', () => {
  const cases: readonly (readonly [string, Script])[] = [
    ['announces 2 GB', saying(frame('T', '', 0x7fffffff))],
    ['announces a negative length', saying(frame('D', '', -5))],
    ['describes 65,535 columns and names one', saying(rowDescription(['a'], 65_535))],
    ['describes 65,535 columns, names them all and sends them', saying(rowDescription(columns(65_535)), dataRow(columns(65_535, 'secret')), complete('SELECT 1'), ready)],
    ['describes 1,665 columns, one more than a result can have, and sends them', saying(rowDescription(columns(1665)), dataRow(columns(1665, 'secret')), complete('SELECT 1'), ready)],
    ['sends a row of 65,535 columns', saying(rowDescription(columns(1664)), dataRow(columns(65_535, 'secret')), complete('SELECT 1'), ready)],
    ['describes fewer columns than it names', saying(rowDescription(['a', 'b'], 1))],
    ['sends a row of more columns than it described', saying(rowDescription(['a']), dataRow(['x', 'y']))],
    ['sends a row with a count that lies', saying(rowDescription(['a', 'b']), dataRow(['x'], 2))],
    ['sends a value longer than its row', saying(rowDescription(['a']), frame('D', Buffer.concat([Buffer.from([0, 1]), int32(0x7fffffff), Buffer.from('x')])))],
    ['sends a value with a negative length', saying(rowDescription(['a']), frame('D', Buffer.concat([Buffer.from([0, 1]), int32(-7), Buffer.from('x')])))],
    ['sends rows that it did not describe', saying(dataRow(['secret']))],
    ['sends a message that does not exist', saying(frame('@', 'x'))],
    ['asks for a password again', saying(authentication(3))],
    ['answers what nobody asked', saying(complete('SELECT 0'), ready, complete('SELECT 0'), ready)],
    ['is ready with a status of its own', saying(complete('SELECT 0'), frame('Z', '?'))],
    ['is ready without a status', saying(complete('SELECT 0'), frame('Z', ''))],
    ['sends an error without its end', saying(frame('E', 'SERROR\0C22000\0Mno end'), ready)],
    ['sends a notice that is no text', saying(frame('N', Buffer.from([0x53])))],
    ['sends a notification that lies', saying(frame('A', Buffer.concat([int32(77), Buffer.from('channel')])))],
    ['changes a parameter without its value', saying(frame('S', 'TimeZone\0'))],
    ['begins to send a COPY in a format of its own', saying(frame('H', Buffer.from([7, 0x7f, 0xff])), frame('d', 'secret\n'))],
    ['sends COPY data without a COPY', saying(frame('d', 'secret\n'))],
    ['asks for COPY data for a SELECT and closes', answering((peer) => { peer.say(frame('G', Buffer.from([0, 0, 0]))); peer.socket.end() })],
    ['closes in the middle of a row', answering((peer) => { peer.say(rowDescription(['a']), dataRow(['secret']).subarray(0, 9)); peer.socket.end() })],
    ['closes after the rows', answering((peer) => { peer.say(rowDescription(['a']), dataRow(['x'])); peer.socket.end() })],
  ]

  test('each ends that session with FATAL 08006 or 08P01 and an event of what became of the command; nothing undescribed is delivered', async () => {
    for (const [name, script] of cases) {
      fake.play(script)
      const client = await RawClient.open(platform.proxyPort, 'fake', token)
      client.send(frame('Q', 'select 1 as hostile\0'))
      await client.ended()
      expect({ name, errors: errors(client) }).toEqual({ name, errors: [['FATAL', expect.stringMatching(/^08(?:006|P01)$/)]] })
      expect({ name, leaked: client.messages.some(({ body }) => body.includes('secret')) }).toEqual({ name, leaked: false })
    }
    await unharmed()
    await platform.settled()
    const sessions = (await platform.sessions()).filter((session) => session.connection === 'fake' && session.status !== 'refused')
    expect(sessions.length).toBe(cases.length)
    expect(sessions.every((session) => session.status === 'closed')).toBe(true)
    const commands = await platform.commands({ connection: 'fake' })
    expect(commands.length).toBe(cases.length)
    expect(commands.filter((command) => command.finish === null)).toEqual([])
  })

  test('a parameter of 10 MB, an error of 1 MB and notices without end cost little memory', async () => {
    const before = memory()
    const scripts: readonly Script[] = [
      saying(parameter('application_name', 'y'.repeat(10 * MEBIBYTE)), complete('SELECT 0'), ready),
      saying(report('E', { S: 'ERROR', C: '22000', M: 'y'.repeat(MEBIBYTE) }), ready),
    ]
    for (const script of scripts) {
      fake.play(script)
      const client = await RawClient.open(platform.proxyPort, 'fake', token)
      client.send(frame('Q', 'select 2 as hostile\0'))
      await Promise.race([client.until('Z').catch(() => undefined), client.ended()])
      client.destroy()
    }
    fake.play(answering((peer) => endless(peer, report('N', { S: 'NOTICE', V: 'NOTICE', C: '00000', M: 'y'.repeat(10_000) }))))
    const client = await RawClient.open(platform.proxyPort, 'fake', token)
    client.socket.pause()
    client.send(frame('Q', 'select 3 as hostile\0'))
    await new Promise((resolve) => { setTimeout(resolve, 1_500) })
    await unharmed()
    client.destroy()
    await waitFor(() => fake.connections === 0, { what: 'the connection to the target being closed' })
    // The whole platform, its clients and the target are in this process: what is only waiting to be collected is given back.
    await waitFor(() => memory() - before < 256 * MEBIBYTE, { timeoutMs: 20_000, what: 'less than 256 MiB more than before' })
  })

  test('a command that is never answered can be given up: the client leaves, and nothing stays', async () => {
    fake.play(answering(() => undefined))
    const client = await RawClient.open(platform.proxyPort, 'fake', token)
    client.send(frame('Q', 'select 4 as hostile\0'))
    await waitFor(async () => (await platform.commands({ connection: 'fake', text: 'select 4' })).length === 1)
    await unharmed()
    client.destroy()
    await waitFor(() => fake.connections === 0, { what: 'the connection to the target being closed' })
    await waitFor(async () => (await platform.commands({ connection: 'fake', text: 'select 4' }))[0]?.finish?.outcome === 'lost', { what: 'the command being lost' })
  })
})

test('a target that never answers: the log-in ends after its time', async () => {
  const client = await silent
  expect(errors(client)).toEqual([['FATAL', '54000']])
  await unharmed()
}, 45_000)
