import net from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { freePort, waitFor } from '@sallyport/testing'
import type pg from 'pg'
import type { Platform } from './harness/platform.js'
import { startShop } from './harness/shop.js'

let platform: Platform
let otherPort = 0

beforeAll(async () => {
  platform = await startShop()
  otherPort = await freePort()
  await platform.startProxy('px-2', otherPort)
}, 90_000)

afterAll(() => platform?.stop())

/** A CancelRequest (protocol 3.0) with the key that the gateway gave this client, sent to any port. */
const cancel = (client: pg.Client, port: number, change = 0): Promise<void> => {
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number }
  const packet = Buffer.alloc(16)
  packet.writeInt32BE(16, 0)
  packet.writeInt32BE(80877102, 4)
  packet.writeInt32BE(processID, 8)
  packet.writeInt32BE((secretKey + change) | 0, 12)
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.end(packet))
    socket.on('close', () => resolve())
    socket.on('error', () => resolve())
    socket.resume()
  })
}

const running = async (text: string): Promise<boolean> => {
  const direct = await platform.direct()
  const { rows } = await direct.query('select 1 from pg_stat_activity where usename = \'app\' and state = \'active\' and query like $1', [`%${text}%`])
  await direct.end()
  return rows.length > 0
}

test.each([['the same process', 'same'], ['another process', 'other']])('a running command is cancelled through %s', async (_, which) => {
  const client = await platform.client('shop', await platform.issuer.token('erin', ['engineers']))
  const command = client.query('select pg_sleep(30)')
  command.catch(() => undefined)
  await waitFor(() => running('pg_sleep'), { what: 'the command running on the target' })
  await cancel(client, which === 'same' ? platform.proxyPort : otherPort)
  await expect(command).rejects.toMatchObject({ code: '57014' })
  expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  await client.end()
  await platform.settled()
  const [recorded] = await platform.commands({ text: 'pg_sleep' })
  expect(recorded!.finish).toMatchObject({ outcome: 'failed', error: { code: '57014' } })
})

test('a wrong key cancels nothing, and nobody is told', async () => {
  const client = await platform.client('shop', await platform.issuer.token('erin', ['engineers']))
  // It runs for as long as the test wants, however slow the machine is.
  const direct = await platform.direct('shop')
  await direct.query('select pg_advisory_lock(7)')
  const waiting = client.query('select pg_advisory_lock(7)')
  await waitFor(() => running('pg_advisory_lock'), { what: 'the command running on the target' })
  await cancel(client, platform.proxyPort, 1)
  await cancel(client, otherPort, 1)
  await direct.query('select pg_advisory_unlock(7)')
  expect((await waiting).rowCount).toBe(1)
  await direct.end()
  await client.end()
})

test('a held command is withdrawn, and the session goes on', async () => {
  const client = await platform.client('shop', await platform.agentToken())
  const running = client.query('delete from orders where id = 1')
  running.catch(() => undefined)
  const approval = await platform.pending()
  await cancel(client, otherPort)
  await expect(running).rejects.toMatchObject({ code: '57014' })
  await waitFor(async () => (await platform.approval(approval.id)).status === 'withdrawn', { what: 'the approval withdrawn' })
  expect((await client.query('select count(*)::int as n from orders')).rows).toEqual([{ n: 3 }])
  await client.end()
})

test('a request to cancel is no log-in: the log has no refused one', async () => {
  const client = await platform.client('shop', await platform.agentToken())
  await cancel(client, platform.proxyPort)
  await cancel(client, platform.proxyPort, 1)
  await client.end()
  await platform.settled()
  expect((await platform.events()).filter(({ type }) => type.includes('session.refused'))).toEqual([])
})
