import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { Refusal, type TargetAccess } from '@sallyport/protocol-kit'
import { freshDatabase } from '@sallyport/testing'
import { postgres } from '../src/index.js'
import { SocketHost } from './socket-host.js'
import { clientMessage, render, WireClient } from './wire-client.js'

let gateway: SocketHost
let port = 0

beforeAll(async () => {
  await postgres.loadRecogniser()
  const url = new URL(await freshDatabase())
  const target: TargetAccess = { host: url.hostname, port: Number(url.port), database: url.pathname.slice(1), username: decodeURIComponent(url.username), credential: { kind: 'password', secret: decodeURIComponent(url.password) }, tls: 'disable' }
  gateway = new SocketHost({
    target, preflight: ({ effects }) => (effects.some(({ facts }) => JSON.stringify(facts['tables'])?.includes('pg_class') === true) ? new Refusal('denied', 'not this table') : undefined),
  })
  port = await gateway.listen()
}, 120_000)

afterAll(() => gateway.close())

it('the columns of a table whose reading is denied can\'t be described', async () => {
  const client = await WireClient.open({ host: '127.0.0.1', port, user: 'orders', password: 'secret', database: 'orders' })
  client.send(clientMessage('Parse', ['s', 'SELECT * FROM pg_class']), clientMessage('Describe', ['S', 's']), clientMessage('Sync', []))
  expect(render((await client.next())!)).toMatch(/^E 42501 .*not this table/)
  expect(render((await client.next())!)).toBe('Z I')
  client.send(clientMessage('Parse', ['s', 'SELECT oid FROM pg_type']), clientMessage('Describe', ['S', 's']), clientMessage('Sync', []))
  const heard = [await client.next(), await client.next(), await client.next(), await client.next()].map((received) => render(received!))
  expect(heard).toEqual(['1', 't ', 'T oid', 'Z I'])
  client.end()
})
