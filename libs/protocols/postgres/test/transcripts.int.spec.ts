import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Refusal, type TargetAccess } from '@sallyport/protocol-kit'
import { freshDatabase } from '@sallyport/testing'
import { postgres } from '../src/index.js'
import { SocketHost } from './socket-host.js'
import { parseTranscript, play } from './transcript.js'
import { WireClient } from './wire-client.js'

const folder = path.join(import.meta.dirname, 'transcripts')
const names = readdirSync(folder).filter((name) => name.endsWith('.wire'))
const transcript = (name: string): string => readFileSync(path.join(folder, name), 'utf8')

let target: TargetAccess
let port = 0
let gateway: SocketHost

const denied = new Refusal('denied', 'no deletes here', { policies: ['no-deletes'] })

beforeAll(async () => {
  await postgres.loadRecogniser()
  const url = new URL(await freshDatabase())
  target = { host: url.hostname, port: Number(url.port), database: url.pathname.slice(1), username: decodeURIComponent(url.username), credential: { kind: 'password', secret: decodeURIComponent(url.password) }, tls: 'disable' }
  gateway = new SocketHost({
    target, acknowledgeMs: 1,
    preflight: (recognition) => (recognition.effects.some((effect) => effect.action === 'sql.alter') ? denied : undefined),
    judge: ({ recognition }) => {
      return recognition.effects.some((effect) => effect.action === 'sql.delete') ? denied : undefined
    },
  })
  port = await gateway.listen()
}, 120_000)

afterAll(async () => {
  await gateway.close()
})

const direct = (): Promise<WireClient> => WireClient.open({ host: target.host, port: target.port, user: target.username, password: target.credential?.secret, database: target.database ?? '' })
const through = (): Promise<WireClient> => WireClient.open({ host: '127.0.0.1', port, user: 'orders', password: 'secret', database: 'orders' })

/** Process ids and server-side line numbers are the only things that may differ. */
const normal = (bytes: Buffer): Buffer => {
  if (bytes[0] !== 'A'.charCodeAt(0)) return bytes
  const copy = Buffer.from(bytes)
  copy.writeInt32BE(0, 5)
  return copy
}

describe.each(names)('%s', (name) => {
  const text = transcript(name)
  const steps = parseTranscript(text)

  it('is answered as written, through the gateway', async () => {
    const client = await through()
    await play(client, steps)
    client.end()
  })

  if (text.startsWith('# gateway')) return

  it('is answered with the same bytes as directly', async () => {
    const [one, other] = [await direct(), await through()]
    const [there, here] = [await play(one, steps), await play(other, steps)]
    one.end()
    other.end()
    if (name === 'malformed.wire' || name === 'simple.wire') expect(here.map(({ type }) => type)).toEqual(there.map(({ type }) => type))
    if (name !== 'malformed.wire') expect(here.map(({ bytes }) => normal(bytes).toString('latin1'))).toEqual(there.map(({ bytes }) => normal(bytes).toString('latin1')))
  })
})

it('leaves nothing unfinished and no failure behind', async () => {
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(gateway.failures).toEqual([])
  expect(gateway.commands.filter((command) => command.outcome === undefined).map((command) => command.text)).toEqual([])
})
