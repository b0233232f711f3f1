import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { freePort, waitFor } from '@sallyport/testing'
import type pg from 'pg'
import type { Approval } from '@sallyport/contracts/approval'
import { listApprovals } from '@sallyport/contracts/approval'
import { at, type RpcError } from '@sallyport/contracts/rpc'
import { exactText } from '@sallyport/contracts/session'
import type { Platform } from './harness/platform.js'
import { startShop } from './harness/shop.js'

/** The same sequence for the same seed: a failure can be run again. */
const random = (seed: number) => {
  let state = seed
  return (below: number): number => {
    state = (state * 1664525 + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

interface Command {
  readonly id: number
  readonly text: string
  readonly values: readonly (string | number | null)[]
}

const SEED = 20261122
const COMMANDS = 50
let platform: Platform
let agent: pg.Client

beforeAll(async () => {
  platform = await startShop()
  agent = await platform.client('shop', await platform.agentToken())
}, 90_000)

afterAll(async () => {
  await agent?.end()
  await platform?.stop()
})

const run = (client: pg.Client, command: Command): Promise<boolean> =>
  client.query(command.text, [...command.values]).then(() => true, () => false)

const rows = async (): Promise<Map<number, number>> => {
  const direct = await platform.direct('shop')
  const { rows: found } = await direct.query('select id, count(*)::int as n from log group by id')
  await direct.end()
  return new Map(found.map((row: { id: number; n: number }) => [row.id, row.n]))
}

test(`${COMMANDS} parked commands: no mutated one runs, each approved one at most once, also across a kill of the proxy`, async () => {
  const direct = await platform.direct('shop')
  await direct.query('create table log (id integer, body text, amount numeric); grant all on log to app')
  await direct.end()
  const pick = random(SEED)
  const shapes = [
    'insert into log (id, body, amount) values ($1, $2, $3)',
    'insert into log values ($1, $2, $3) returning id',
    'insert into log (amount, id, body) values ($3::numeric, $1, upper($2))',
  ]
  const commands: Command[] = Array.from({ length: COMMANDS }, (_, id) => ({
    id, text: shapes[pick(shapes.length)]!, values: [id, pick(5) === 0 ? null : `text ${pick(1e6)}`, pick(1e6)],
  }))
  for (const command of commands) expect(await run(agent, command)).toBe(false)
  const asked = (await platform.bus.call(listApprovals, { status: 'pending', limit: 1000 })).items as Approval[]
  expect(asked).toHaveLength(COMMANDS)
  const shown = async (id: string) => platform.bus.call(at(exactText, asked[0]!.proxy), { approval: id })
  for (const { id } of asked) {
    const { text, parameters } = await shown(id)
    expect(commands.find((command) => command.text === text && command.values.every((value, index) => (value === null ? null : String(value)) === parameters[index]))).toBeDefined()
  }
  for (const approval of asked) await platform.approve(approval.id)
  await waitFor(() => shown(asked[0]!.id).then(() => false, (error: RpcError) => error.code === 'not-found'))

  // Another proxy takes over in the middle, as after a kill: approvals are bound to the command and not to the process.
  const port = await freePort()
  await platform.startProxy('px-2', port)
  const second = await platform.client('shop', await platform.agentToken(), { port })
  const other = await platform.client('shop', await platform.agentToken('ci-agent'))
  const mutations: ((command: Command) => Command)[] = [
    (command) => ({ ...command, values: [command.values[0]!, 'another text', command.values[2]!] }),
    (command) => ({ ...command, values: [command.values[0]!, command.values[1]!, Number(command.values[2]) + 1] }),
    (command) => ({ ...command, text: `${command.text} ` }),
    (command) => ({ ...command, text: command.text.replace('into log', 'into public.log') }),
    (command) => ({ ...command, values: [command.values[0]!, command.values[1] === null ? '' : null, command.values[2]!] }),
  ]
  const mutated = new Set<number>()
  for (const command of commands) {
    if (pick(2) === 0) continue
    mutated.add(command.id)
    expect(await run(agent, mutations[pick(mutations.length)]!(command))).toBe(false)
  }
  expect(mutated.size).toBeGreaterThan(10)
  expect((await rows()).size).toBe(0)
  expect(await run(other, commands[0]!)).toBe(false)

  for (const command of commands) {
    const tries = await Promise.all([run(agent, command), run(second, command), run(agent, command)])
    expect(tries.filter(Boolean)).toHaveLength(1)
  }
  expect([...(await rows())].sort(([a], [b]) => a - b)).toEqual(commands.map((command) => [command.id, 1]))
  await second.end()
  await other.end()
}, 120_000)

test('a held command dies with its proxy: approved later, it does not run', async () => {
  const port = await freePort()
  const proxy = await platform.startProxy('px-3', port)
  const client = await platform.client('shop', await platform.agentToken(), { port })
  const held = client.query('delete from orders where id = 2').then(() => true, () => false)
  const approval = await platform.pending()
  await proxy.stop()
  expect(await held).toBe(false)
  await platform.approve(approval.id).catch(() => undefined)
  await new Promise((resolve) => { setTimeout(resolve, 500) })
  const direct = await platform.direct('shop')
  expect((await direct.query('select id from orders where id = 2')).rows).toHaveLength(1)
  await direct.end()
})

test('an approved EXECUTE runs only what its name stood for when it was shown', async () => {
  const direct = await platform.direct('shop')
  direct.on('error', () => undefined)
  await direct.query('create table named (body text); grant all on named to app')
  const refused = async (client: pg.Client): Promise<boolean> => client.query('execute p').then(() => false, () => true)
  // Parse is not held, only what runs: so the name stands for a text that nobody has approved.
  const define = (client: pg.Client, body: string): Promise<unknown> => client.query({ name: 'p', text: `insert into named values ('${body}')` }).catch(() => undefined)
  const first = await platform.client('shop', await platform.agentToken())
  await define(first, 'shown')
  expect(await refused(first)).toBe(true)
  const { id, summary } = await platform.pending()
  // Approvers and the log see what the name stands for: Parse alone is not recorded.
  expect(summary).toBe('execute p\nstands for: insert into named values (\'shown\')')
  await platform.approve(id)
  const second = await platform.client('shop', await platform.agentToken())
  await define(second, 'never shown')
  expect(await refused(second)).toBe(true)
  const third = await platform.client('shop', await platform.agentToken())
  await define(third, 'shown')
  expect(await refused(third)).toBe(false)
  expect((await direct.query('select body from named')).rows).toEqual([{ body: 'shown' }])
  await Promise.all([first.end(), second.end(), third.end(), direct.end()])
})
