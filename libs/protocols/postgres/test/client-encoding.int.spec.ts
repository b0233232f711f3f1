import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Refusal, type Recognition, type TargetAccess } from '@sallyport/protocol-kit'
import { freshDatabase } from '@sallyport/testing'
import pg from 'pg'
import { message } from '../src/codec/encode.js'
import { frontend } from '../src/codec/types.js'
import { postgres } from '../src/index.js'
import { SocketHost } from './socket-host.js'
import { clientMessage, render, WireClient } from './wire-client.js'

let target: TargetAccess
let gateway: SocketHost
let port = 0
let admin: pg.Client

const refused = (recognition: Recognition): Refusal | undefined => {
  if (recognition.class === 'unrecognised') return new Refusal('unrecognised', 'not read')
  return recognition.effects.some(({ action }) => action === 'sql.delete') ? new Refusal('denied', 'no deletes here') : undefined
}

beforeAll(async () => {
  await postgres.loadRecogniser()
  const url = new URL(await freshDatabase())
  target = { host: url.hostname, port: Number(url.port), database: url.pathname.slice(1), username: decodeURIComponent(url.username), credential: { kind: 'password', secret: decodeURIComponent(url.password) }, tls: 'disable' }
  admin = new pg.Client({ connectionString: url.href })
  await admin.connect()
  await admin.query(`
    CREATE TABLE kept (id int); INSERT INTO kept VALUES (1);
    CREATE FUNCTION to_sjis() RETURNS int LANGUAGE plpgsql AS $$BEGIN PERFORM set_config('client_encoding', 'SJIS', false); RETURN 1; END$$`)
  gateway = new SocketHost({
    target, acknowledgeMs: 1, preflight: refused, judge: ({ recognition }) => refused(recognition),
  })
  port = await gateway.listen()
}, 120_000)

afterAll(async () => {
  await gateway.close()
  await admin.end()
})

const open = (parameters: readonly (readonly [string, string])[] = []): Promise<WireClient> =>
  WireClient.open({ host: '127.0.0.1', port, user: 'orders', password: 'secret', database: 'orders' }, parameters)

/** SQLSTATEs and tags up to so many ReadyForQuery. */
const hear = async (client: WireClient, readies: number): Promise<string[]> => {
  const heard: string[] = []
  for (let left = readies; left > 0;) {
    const received = await client.next()
    if (received === undefined) return [...heard, 'closed']
    if (received.type === 'Z') left -= 1
    if (received.type === 'E') heard.push(render(received).slice(0, 7))
    if (received.type === 'C') heard.push(render(received))
  }
  return heard
}

const query = (...pieces: readonly (string | number[])[]): Buffer => message(frontend.query, Buffer.concat([...pieces.map((piece) => Buffer.from(piece as string)), Buffer.from([0])]))

/** For each encoding a character whose second byte is a backslash, where there is one, else a letter. */
const heads: readonly (readonly [string, number[]])[] = [['SJIS', [0x83, 0x5c]], ['BIG5', [0xa4, 0x5c]], ['GBK', [0x95, 0x5c]], ['GB18030', [0x95, 0x5c]], ['UHC', [0x81, 0x41]]]
const leads: readonly (readonly [string, number])[] = [['SJIS', 0x83], ['BIG5', 0xa4], ['GBK', 0x95], ['GB18030', 0x95], ['UHC', 0x81]]
const rows = async (): Promise<number> => (await admin.query('SELECT count(*)::int AS n FROM kept')).rows[0].n as number

const ways: readonly (readonly [string, (encoding: string) => Promise<WireClient>])[] = [
  ['by a start-up parameter', (encoding) => open([['client_encoding', encoding]])],
  ['by the start-up\'s options', (encoding) => open([['options', `-c client_encoding=${encoding}`]])],
  ['by SET', async (encoding) => {
    const client = await open()
    client.send(query(`SET client_encoding = '${encoding}'`))
    await hear(client, 1)
    return client
  }],
  ['by set_config', async (encoding) => {
    const client = await open()
    client.send(query(`SELECT set_config('client_encoding', '${encoding}', false)`))
    await hear(client, 1)
    return client
  }],
  // Not answered yet when the next text comes.
  ['right before', async (encoding) => {
    const client = await open()
    client.send(query(`SET client_encoding = '${encoding}'`))
    return client
  }],
]

describe.each(ways)('client_encoding set %s', (way, begin) => {
  const answers = way === 'right before' ? 2 : 1

  it.each(heads)('%s: a backslash inside a character escapes nothing, and what follows it is seen', async (encoding, character) => {
    const client = await begin(encoding)
    // Read byte by byte, the escaped quote would go on with the string, and the DELETE be a part of it.
    client.send(query('SELECT E\'', character, '\'; DELETE FROM kept; --\''))
    const heard = await hear(client, answers)
    expect(heard.at(-1)).toMatch(encoding === 'UHC' ? /^E 0A000/ : /^E 42501/)
    client.end()
    expect(await rows()).toBe(1)
  })

  it.each(leads)('%s: half a character doesn\'t swallow a quote on the way to the gateway that it swallows at the target, nor the other way round', async (encoding, lead) => {
    for (const text of [['SELECT \'', [lead], '\'; DELETE FROM kept; --\''], ['SELECT \'', [lead], '\\\'; DELETE FROM kept; --\''], ['SELECT E\'', [lead], '\\\'\'; DELETE FROM kept; --'], ['SELECT "', [lead], '"; DELETE FROM kept; --"']]) {
      const client = await begin(encoding)
      client.send(query(...(text as (string | number[])[])))
      const heard = await hear(client, answers)
      expect(heard.at(-1)).toMatch(/^E /)
      client.end()
      expect(await rows()).toBe(1)
    }
  })

  it('a text in ASCII is read in any encoding', async () => {
    for (const encoding of ['SJIS', 'UHC', 'JOHAB', 'EUC_TW', 'LATIN5']) {
      const client = await begin(encoding)
      client.send(query('SELECT 1'))
      expect((await hear(client, answers)).at(-1)).toBe('C SELECT 1')
      client.end()
    }
  })
})

it('a function that changes it in a batch casts doubt on what follows in the batch', async () => {
  const client = await open()
  // In SJIS the backslash belongs to the character, and the quote ends the string; in UTF-8 it would go on.
  client.send(
    clientMessage('Parse', ['', 'SELECT to_sjis()']), clientMessage('Bind', ['', '']), clientMessage('Execute', ['']),
    message(frontend.parse, '', Buffer.concat([Buffer.from('WITH a AS (SELECT E\''), Buffer.from([0x83, 0x5c]), Buffer.from('\'), b AS (DELETE FROM kept RETURNING 1) SELECT 1 --\') SELECT 1\0')]), Buffer.from([0, 0])),
    clientMessage('Bind', ['', '']), clientMessage('Execute', ['']),
    clientMessage('Sync', []),
  )
  const heard = await hear(client, 1)
  expect(heard.at(-1)).toMatch(/^E 0A000/)
  client.end()
  expect(await rows()).toBe(1)
})

it('a character that servers read differently is not guessed at', async () => {
  const client = await open([['client_encoding', 'BIG5']])
  client.send(query('SELECT \'', [0xa1, 0x45], '\''))
  expect(await hear(client, 1)).toEqual([expect.stringMatching(/^E 0A000/)])
  client.send(query('SELECT \'', [0xa4, 0xa4], '\''))
  expect(await hear(client, 1)).toEqual(['C SELECT 1'])
  client.end()
})
