import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Platform } from './harness/platform.js'
import { runProgram } from './harness/programs.js'
import { SECRETS, startShop } from './harness/shop.js'

let platform: Platform
let agentEnv: Record<string, string>
let engineerEnv: Record<string, string>
const dir = mkdtempSync(path.join(tmpdir(), 'sallyport-clients-'))

beforeAll(async () => {
  // Debian's client programs and Debian's server: pg_dump refuses a server that is newer than itself.
  const [version] = readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a))
  platform = await startShop({ targetBinaries: `/usr/lib/postgresql/${version}` })
  agentEnv = platform.libpq('shop', await platform.agentToken())
  engineerEnv = platform.libpq('shop', await platform.issuer.token('erin', ['engineers']))
}, 90_000)

afterAll(async () => {
  await platform?.stop()
  rmSync(dir, { recursive: true, force: true })
})

describe('psql', () => {
  test('runs a query, an error with its position, and goes on', async () => {
    const { code, out, err } = await runProgram('psql', ['-X', '-A', '-t'], agentEnv, 'select id, status from orders order by id;\nselect nothing_like_it from orders;\nselect count(*) from orders;\n')
    expect(code).toBe(0)
    expect(out).toBe('1|paid\n2|paid\n3|open\n3\n')
    expect(err).toContain('column "nothing_like_it" does not exist')
    expect(err).toContain('LINE 1: select nothing_like_it')
  })

  test('\\copy in is held to policy, \\copy out is masked', async () => {
    const { out } = await runProgram('psql', ['-X'], agentEnv, '\\copy (select id, name from customers order by id) to stdout with csv\n\\copy customers to stdout\n')
    expect(out).toContain('1,Ada')
    for (const email of SECRETS.emails) expect(out).not.toContain(email)
  })

  test('COPY in writes what was sent', async () => {
    const rows = Array.from({ length: 5_000 }, (_, index) => `${index + 100}\tnote ${index}`).join('\n')
    const { code, err } = await runProgram('psql', ['-X', '-v', 'ON_ERROR_STOP=1'], engineerEnv, `copy notes from stdin;\n${rows}\n\\.\n`)
    expect(err).toBe('')
    expect(code).toBe(0)
    const direct = await platform.direct('shop')
    expect((await direct.query('select count(*)::int as n from notes where id >= 100')).rows).toEqual([{ n: 5_000 }])
    await direct.query('delete from notes where id >= 100')
    await direct.end()
  })

  test('LISTEN and NOTIFY', async () => {
    const { out, code } = await runProgram('psql', ['-X'], engineerEnv, 'listen news;\nnotify news, \'hello\';\nselect 1;\n')
    expect(code).toBe(0)
    expect(out).toContain('Asynchronous notification "news" with payload "hello"')
  })

  test('describes tables', async () => {
    const { out, code } = await runProgram('psql', ['-X', '-c', '\\d orders'], engineerEnv)
    expect(code).toBe(0)
    expect(out).toContain('customer_id')
  })
})

describe('pgbench', () => {
  test.each(['simple', 'extended', 'prepared'])('in %s mode', async (mode) => {
    const direct = await platform.direct('shop')
    await direct.query('create table if not exists pgbench_accounts (aid int primary key, bid int, abalance int, filler char(84)); create table if not exists pgbench_branches (bid int primary key, bbalance int, filler char(88)); insert into pgbench_branches values (1, 0) on conflict do nothing; insert into pgbench_accounts select i, 1, 0 from generate_series(1, 100000) i on conflict do nothing; grant select on pgbench_accounts, pgbench_branches to app')
    await direct.end()
    const { code, out, err } = await runProgram('pgbench', ['-n', '-S', '-M', mode, '-c', '2', '-t', '200'], agentEnv)
    expect(err).not.toContain('error')
    expect(code).toBe(0)
    expect(out).toContain('number of transactions actually processed: 400/400')
  })
})

describe('pg_dump and pg_restore', () => {
  test('a dump through the gateway restores', async () => {
    const file = path.join(dir, 'dump')
    const before = await platform.direct('shop')
    await before.query('update notes set body = \'nothing that is masked\'')
    await before.end()
    const dumped = await runProgram('pg_dump', ['-Fc', '--no-owner', '--no-privileges', '-t', 'notes', '-f', file], engineerEnv)
    expect(dumped.err).not.toContain('error:')
    expect(dumped.code).toBe(0)
    const direct = await platform.direct('shop')
    await direct.query('drop table notes')
    await direct.end()
    const restored = await runProgram('pg_restore', ['--no-owner', '--no-privileges', '-d', 'shop', file], engineerEnv)
    expect(restored.err).not.toContain('error:')
    expect(restored.code).toBe(0)
    const after = await platform.direct('shop')
    expect((await after.query('select count(*)::int as n from notes')).rows).toEqual([{ n: 1 }])
    await after.query(`update notes set body = '${SECRETS.key}'`)
    await after.end()
  })

  test('one that holds masks does not: what they stand for would be lost', async () => {
    const file = path.join(dir, 'masked')
    await runProgram('pg_dump', ['-Fc', '-a', '-t', 'notes', '-f', file], engineerEnv)
    const restored = await runProgram('pg_restore', ['-a', '-d', 'shop', file], engineerEnv)
    expect(restored.err).toContain('placeholder of a masked value')
    const after = await platform.direct('shop')
    expect((await after.query('select body from notes')).rows).toEqual([{ body: SECRETS.key }])
    await after.end()
  })
})

test('psycopg2 works unchanged', async () => {
  const script = `
import psycopg2
c = psycopg2.connect("")
c.autocommit = False
k = c.cursor()
k.execute("select id, status from orders where id = %s", (3,))
print(k.fetchall())
n = c.cursor("server_side")
n.execute("select id from orders order by id")
print([r[0] for r in n])
c.rollback()
k.execute("select email from customers")
print(k.fetchall())
c.close()
`
  const { code, out, err } = await runProgram('/usr/bin/python3', ['-c', script], { ...agentEnv, PGDATABASE: 'shop' })
  expect(err).toBe('')
  expect(code).toBe(0)
  expect(out).toContain("[(3, 'open')]")
  expect(out).toContain('[1, 2, 3]')
  for (const email of SECRETS.emails) expect(out).not.toContain(email)
})
