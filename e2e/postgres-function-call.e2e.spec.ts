import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Platform } from './harness/platform.js'
import { fieldsOf, frame, RawClient } from './harness/raw-postgres.js'
import { startShop } from './harness/shop.js'

let platform: Platform

beforeAll(async () => {
  platform = await startShop()
}, 90_000)

afterAll(() => platform?.stop())

const int16 = (value: number): Buffer => Buffer.from([value >>> 8, value & 0xff])
const int32 = (value: number): Buffer => Buffer.from([value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff])

/** FunctionCall with arguments and result in text. */
const call = (oid: number, ...values: readonly string[]): Buffer =>
  frame('F', Buffer.concat([int32(oid), int16(0), int16(values.length), ...values.flatMap((value) => [int32(value.length), Buffer.from(value)]), int16(0)]))
/** int4pl and lo_creat of pg_proc.dat. */
const INT4PL = 177
const LO_CREAT = 957

const engineer = (): Promise<string> => platform.issuer.token('erin', ['engineers'])

test('a FunctionCall that policy permits is recorded as an execution; a number comes back, and where columns are masked nothing from a function that could tell anything', async () => {
  const client = await RawClient.open(platform.proxyPort, 'shop', await engineer())
  client.send(call(INT4PL, '19', '23'))
  await client.until('Z')
  expect(client.messages.map(({ type }) => type)).toEqual(['V', 'Z'])
  expect(client.messages[0]!.body.readInt32BE(0)).toBe(-1)
  client.messages.length = 0
  client.send(call(LO_CREAT, '-1'))
  await client.until('Z')
  expect(client.messages[0]!.type).toBe('V')
  expect(Number(client.messages[0]!.body.toString('latin1', 4))).toBeGreaterThan(0)
  client.destroy()
  await platform.settled()
  const [plain] = await platform.commands({ text: `oid:${INT4PL}` })
  expect(plain).toMatchObject({ action: 'sql.function', finish: { outcome: 'completed' } })
  expect((await platform.commands({ text: 'lo_creat' }))[0]).toMatchObject({ action: 'sql.function' })
})

test('whoever may only read is refused one: what it does isn\'t proven', async () => {
  const client = await RawClient.open(platform.proxyPort, 'shop', await platform.agentToken())
  client.send(call(INT4PL, '19', '24'))
  await client.until('Z')
  expect(client.messages.map(({ type }) => type)).toEqual(['E', 'Z'])
  expect(fieldsOf(client.messages[0]!)['C']).toBe('42501')
  client.messages.length = 0
  client.send(frame('Q', 'select 1\0'))
  await client.until('Z')
  expect(client.messages.map(({ type }) => type)).toEqual(['T', 'D', 'C', 'Z'])
  client.destroy()
  await platform.settled()
  const [command] = (await platform.commands({ text: `oid:${INT4PL}` })).filter(({ uid }) => uid === 'coding-agent')
  expect(command).toMatchObject({ action: 'sql.function', status: 'refused', decision: { outcome: 'deny' }, finish: null })
  expect((await platform.events(command!.session)).map(({ event }) => event)).toContainEqual(expect.objectContaining({ type: 'sallyport.command.requested.v1', data: expect.objectContaining({ command: command!.id, decision: expect.objectContaining({ outcome: 'deny' }) }) }))
})

test('1,664 columns, the most that a target list may have, come back whole', async () => {
  const client = await platform.client('shop', await engineer())
  const { rows } = await client.query({ text: `select ${Array.from({ length: 1664 }, (_, index) => `${index} as c${index}`).join()} from customers where id = 1`, rowMode: 'array' })
  expect(rows).toEqual([Array.from({ length: 1664 }, (_, index) => index)])
  await expect(client.query(`select ${Array.from({ length: 1665 }, () => '1').join()}`)).rejects.toMatchObject({ code: '54011' })
  await client.end()
})

test('65,535 parameters, the most that a Bind may have, arrive', async () => {
  const client = await RawClient.open(platform.proxyPort, 'shop', await engineer())
  const count = 65_535
  const types = Buffer.concat(Array.from({ length: count }, () => int32(23)))
  const values = Buffer.concat(Array.from({ length: count }, (_, index) => { const text = String(index); return Buffer.concat([int32(text.length), Buffer.from(text)]) }))
  client.send(
    frame('P', Buffer.concat([Buffer.from('\0select $1 + $65535\0'), int16(count), types])), frame('B', Buffer.concat([Buffer.from('\0\0'), int16(0), int16(count), values, int16(0)])), frame('E', '\0\0\0\0\0'), frame('S'),
  )
  await client.until('Z')
  expect(client.messages.map(({ type }) => type)).toEqual(['1', '2', 'D', 'C', 'Z'])
  expect(client.messages[2]!.body.toString('latin1', 6)).toBe('65534')
  client.destroy()
})
