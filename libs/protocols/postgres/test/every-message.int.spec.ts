import { afterAll, beforeAll, expect, it } from '@jest/globals'
import type { TargetAccess } from '@sallyport/protocol-kit'
import { freshDatabase } from '@sallyport/testing'
import { postgres } from '../src/index.js'
import { converse, messages, states, type Cut } from './differential.js'
import { SocketHost } from './socket-host.js'
import { WireClient } from './wire-client.js'

/** Every message in every state, and random sequences of them, said directly to PostgreSQL and through the gateway: the same must come back. */
const shortRuns = 150
const runs = Number(process.env['SALLYPORT_DIFFERENTIAL_RUNS'] ?? shortRuns)
const seed = Number(process.env['SALLYPORT_DIFFERENTIAL_SEED'] ?? 1)

let target: TargetAccess
let gateway: SocketHost
let port = 0
const pairs: Pair[] = []

beforeAll(async () => {
  await postgres.loadRecogniser()
  const url = new URL(await freshDatabase())
  target = { host: url.hostname, port: Number(url.port), database: url.pathname.slice(1), username: decodeURIComponent(url.username), credential: { kind: 'password', secret: decodeURIComponent(url.password) }, tls: 'disable' }
  gateway = new SocketHost({ target, acknowledgeMs: 1 })
  port = await gateway.listen()
}, 120_000)

afterAll(async () => {
  for (const pair of pairs) pair.hangUp()
  await gateway.close()
})

interface Heard {
  readonly there: readonly string[]
  readonly here: readonly string[]
}

/** A direct session and one through the gateway. Both live as long as what is said lets them. */
class Pair {
  private direct: WireClient | undefined
  private through: WireClient | undefined
  private marks = 0

  constructor() {
    pairs.push(this)
  }

  async both(bytes: Buffer, cut: Cut): Promise<Heard> {
    const mark = `mark ${this.marks += 1}`
    try {
      this.direct ??= await WireClient.open({ host: target.host, port: target.port, user: target.username, password: target.credential?.secret, database: target.database ?? '' })
      this.through ??= await WireClient.open({ host: '127.0.0.1', port, user: 'orders', password: 'secret', database: 'orders' })
      const [there, here] = await Promise.all([converse(this.direct, bytes, mark, cut), converse(this.through, bytes, mark, cut)])
      if (there.at(-1) === 'closed' || here.at(-1) === 'closed') this.hangUp()
      return { there, here }
    } catch (error) {
      this.hangUp()
      return { there: [], here: [String(error)] }
    }
  }

  hangUp(): void {
    this.direct?.end()
    this.through?.end()
    this.direct = undefined
    this.through = undefined
  }
}

const whole: Cut = (bytes) => [bytes]

/** What differs, message by message. The short run takes every other message, another half with every seed. */
const differencesIn = async (state: string, number: number): Promise<readonly object[]> => {
  const pair = new Pair()
  const found: object[] = []
  for (const [index, [message, bytes]] of Object.entries(messages).entries()) {
    if (runs <= shortRuns && (index + number + seed) % 2 === 0) continue
    const { there, here } = await pair.both(Buffer.concat([states[state] as Buffer, bytes]), whole)
    if (JSON.stringify(there) === JSON.stringify(here)) continue
    const at = Math.max(there.findIndex((line, index) => line !== here[index]), 0)
    found.push({ state, message, there: there.slice(at), here: here.slice(at) })
    pair.hangUp()
  }
  return found
}

it('answers every message in every state as PostgreSQL does', async () => {
  const differences = await Promise.all(Object.keys(states).map(differencesIn))
  expect(differences.flat()).toEqual([])
}, 120_000)

/** xorshift32: a sequence for each seed. */
const random = (from: number): ((below: number) => number) => {
  let state = (from * 2_654_435_761) >>> 0 || 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state % below
  }
}

const names = Object.keys(messages)
/** Those after which the session goes on: the others are in every state above, and few of them do here. */
const lasting = names.filter((name) => !/^Terminate$|^Password$|^a type|^a length|negative|too long/.test(name))

const sequence = (next: (below: number) => number): readonly string[] =>
  Array.from({ length: 2 + next(14) }, () => (next(40) === 0 ? names[next(names.length)] : lasting[next(lasting.length)]) as string)

const cutAnywhere = (next: (below: number) => number): Cut => (bytes) => {
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length;) {
    const to = next(3) === 0 ? bytes.length : Math.min(bytes.length, at + 1 + next(60))
    pieces.push(bytes.subarray(at, to))
    at = to
  }
  return pieces
}

const pairsMax = 8

it(`answers random sequences, in pieces cut anywhere, as PostgreSQL does (${runs} from seed ${seed})`, async () => {
  let run = seed
  let failed: string | undefined
  const speak = async (): Promise<void> => {
    const pair = new Pair()
    while (run < seed + runs && failed === undefined) {
      const number = run++
      const said = sequence(random(number))
      const { there, here } = await pair.both(Buffer.concat(said.map((name) => messages[name] as Buffer)), cutAnywhere(random(number)))
      if (JSON.stringify(here) === JSON.stringify(there)) continue
      failed ??= `seed ${number}: ${said.join(', ')}`
      expect({ failed, heard: here }).toEqual({ failed, heard: there })
    }
  }
  await Promise.all(Array.from({ length: pairsMax }, speak))
}, 60_000 + runs * 200)
