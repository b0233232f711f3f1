import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Refusal, type TargetAccess } from '@sallyport/protocol-kit'
import { freshDatabase } from '@sallyport/testing'
import pg from 'pg'
import { postgres } from '../src/index.js'
import { SocketHost, type HostOptions } from './socket-host.js'

const run = promisify(execFile)

let target: TargetAccess
const hosts: SocketHost[] = []

const host = async (options: Partial<HostOptions> = {}): Promise<{ readonly host: SocketHost; readonly port: number }> => {
  const created = new SocketHost({ target, ...options })
  hosts.push(created)
  return { host: created, port: await created.listen() }
}

const client = async (port: number, more: pg.ClientConfig = {}): Promise<pg.Client> => {
  const opened = new pg.Client({ host: '127.0.0.1', port, user: 'orders', password: 'secret', database: 'orders', ...more })
  opened.on('error', () => undefined)
  await opened.connect()
  return opened
}

const psql = async (port: number, ...args: string[]): Promise<{ stdout: string; stderr: string }> =>
  run('psql', ['-X', '-h', '127.0.0.1', '-p', String(port), '-U', 'orders', '-d', 'orders', ...args], { env: { ...process.env, PGPASSWORD: 'secret' } })

beforeAll(async () => {
  await postgres.loadRecogniser()
  const url = new URL(await freshDatabase())
  target = { host: url.hostname, port: Number(url.port), database: url.pathname.slice(1), username: decodeURIComponent(url.username), credential: { kind: 'password', secret: decodeURIComponent(url.password) }, tls: 'disable' }
  const direct = new pg.Client({ connectionString: url.href })
  await direct.connect()
  await direct.query(`CREATE TABLE customers (id int PRIMARY KEY, name text, email text, born date, attributes jsonb, tags text[], photo bytea)`)
  await direct.query(`INSERT INTO customers SELECT i, 'name ' || i, 'c' || i || '@example.com', '1990-01-01', '{"a": 1}', '{x,y}', '\\x0102' FROM generate_series(1, 100) i`)
  await direct.query(`CREATE VIEW people AS SELECT id AS number, email AS contact FROM customers`)
  await direct.end()
}, 120_000)

afterAll(async () => {
  for (const one of hosts) await one.close()
})

describe('real clients', () => {
  it('lets psql run simple queries, with its own meta-commands', async () => {
    const { host: gateway, port } = await host()
    const { stdout } = await psql(port, '-A', '-c', 'SELECT id, email FROM customers WHERE id <= 2 ORDER BY id', '-c', '\\d customers')
    expect(stdout).toContain('1|c1@example.com\n2|c2@example.com\n')
    expect(stdout).toContain('customers_pkey')
    expect(gateway.commands[0]?.outcome).toMatchObject({ outcome: 'completed', rows: 2, status: 'SELECT 2', result: { columns: ['id', 'email'], rows: [['1', 'c1@example.com'], ['2', 'c2@example.com']] } })
    expect(gateway.failures).toEqual([])
  })

  it('lets psql copy in and out', async () => {
    const { host: gateway, port } = await host({ acknowledgeMs: 2 })
    const { stdout } = await psql(port, '-At', '-c', 'CREATE TABLE copied (a int, b text)', '-c', `COPY copied FROM PROGRAM 'seq 1 1'`).catch((error: { stdout: string }) => error)
    expect(stdout).toContain('CREATE TABLE')
    await run('bash', ['-c', `seq 1 20000 | sed 's/$/\\tsome text/' | psql -X -h 127.0.0.1 -p ${port} -U orders -d orders -c 'COPY copied FROM STDIN'`], { env: { ...process.env, PGPASSWORD: 'secret' } })
    const out = await psql(port, '-At', '-c', 'SELECT count(*), sum(a) FROM copied', '-c', 'COPY (SELECT * FROM copied WHERE a < 3 ORDER BY a) TO STDOUT')
    expect(out.stdout).toBe('20000|200010000\n1\tsome text\n2\tsome text\n')
    const input = Buffer.concat(gateway.commands.find((command) => command.text.startsWith('COPY copied FROM STDIN'))?.inputs ?? [])
    expect(input.toString().split('\n').length).toBe(20001)
  })

  it('serves node-postgres: parameters, named statements, cursors, errors, transactions', async () => {
    const { host: gateway, port } = await host({ acknowledgeMs: 1 })
    const db = await client(port)
    expect((await db.query('SELECT $1::int + 1 AS sum', [41])).rows).toEqual([{ sum: 42 }])
    for (let round = 0; round < 3; round++) expect((await db.query({ name: 'one', text: 'SELECT email FROM customers WHERE id = $1', values: [round + 1] })).rows[0]).toEqual({ email: `c${round + 1}@example.com` })
    await db.query('BEGIN')
    await expect(db.query('SELECT * FROM nowhere')).rejects.toMatchObject({ code: '42P01' })
    await expect(db.query('SELECT 1')).rejects.toMatchObject({ code: '25P02' })
    await db.query('ROLLBACK')
    await db.query('BEGIN; DECLARE c CURSOR FOR SELECT id FROM customers ORDER BY id')
    expect((await db.query('FETCH 2 FROM c')).rows).toEqual([{ id: 1 }, { id: 2 }])
    await db.query('COMMIT')
    await db.end()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(gateway.failures).toEqual([])
    expect(gateway.commands.filter((command) => command.outcome === undefined)).toEqual([])
    expect(gateway.commands[1]).toMatchObject({ parameters: ['1'], outcome: { rows: 1 } })
  })

  it('passes cancel requests on', async () => {
    const { port } = await host()
    const running = run('timeout', ['-s', 'INT', '1', 'psql', '-X', '-h', '127.0.0.1', '-p', String(port), '-U', 'orders', '-d', 'orders', '-c', 'SELECT pg_sleep(20)'], { env: { ...process.env, PGPASSWORD: 'secret' } })
    await expect(running).rejects.toMatchObject({ stderr: expect.stringContaining('canceling statement due to user request') })
  })

  it('runs pgbench in every query mode', async () => {
    const { host: gateway, port } = await host({ acknowledgeMs: 1 })
    const environment = { env: { ...process.env, PGPASSWORD: 'secret' } }
    const common = ['-h', '127.0.0.1', '-p', String(port), '-U', 'orders']
    await run('pgbench', [...common, '-i', '-q', 'orders'], environment)
    for (const mode of ['simple', 'extended', 'prepared']) {
      const { stdout } = await run('pgbench', [...common, '-n', '-M', mode, '-c', '2', '-t', '20', 'orders'], environment)
      expect(stdout).toContain('number of failed transactions: 0')
    }
    expect(gateway.failures).toEqual([])
  })
})

describe('refusals', () => {
  const denied = new Refusal('denied', 'no deletes here', { policies: ['no-deletes'], command: 'cmd_x', remedy: 'Ask for access.' })
  const noDeletes: Partial<HostOptions> = { judge: (operation) => (operation.recognition.effects.some((effect) => effect.action === 'sql.delete') ? denied : undefined) }

  it('lets the target fail the transaction itself, in the simple protocol', async () => {
    const { port } = await host(noDeletes)
    const db = await client(port)
    await db.query('BEGIN')
    await expect(db.query('DELETE FROM customers')).rejects.toMatchObject({
      code: '42501', message: 'Sallyport denied this command: no deletes here [policy no-deletes, command cmd_x]', hint: 'Ask for access.',
    })
    await expect(db.query('SELECT 1')).rejects.toMatchObject({ code: '25P02' })
    await db.query('ROLLBACK')
    expect((await db.query('SELECT count(*)::int FROM customers')).rows).toEqual([{ count: 100 }])
    await db.end()
  })

  it('lets the target skip to Sync in the extended protocol', async () => {
    const { port, host: gateway } = await host(noDeletes)
    const db = await client(port)
    await expect(db.query('DELETE FROM customers WHERE id = $1', [1])).rejects.toMatchObject({ code: '42501' })
    expect((await db.query('SELECT count(*)::int FROM customers WHERE id = $1', [1])).rows).toEqual([{ count: 1 }])
    await db.end()
    expect(gateway.failures).toEqual([])
  })

  it('refuses a Parse that is denied outright, and judges EXECUTE as what it runs', async () => {
    const { port } = await host({ ...noDeletes, preflight: (recognition) => (recognition.class === 'schema' ? denied : undefined) })
    const db = await client(port)
    await expect(db.query('DROP TABLE customers /* $1 */', [])).rejects.toBeInstanceOf(Error)
    await db.query('PREPARE gone AS SELECT 1')
    await db.query('EXECUTE gone')
    await db.query('DEALLOCATE gone')
    await expect(db.query('PREPARE gone AS DELETE FROM customers')).rejects.toMatchObject({ code: '42501' })
    await db.end()
  })

  it('holds a command, tells why, and runs it when released', async () => {
    let release: (() => void) | undefined
    const { port, host: gateway } = await host({
      judge: (operation, onHeld) => {
        if (!operation.text.startsWith('UPDATE')) return undefined
        onHeld({ approval: 'ap_1', command: 'cmd_1', text: 'Sallyport holds this command until dba approves.' })
        return new Promise((resolve) => { release = () => resolve(undefined) })
      },
    })
    const db = await client(port)
    const notices: string[] = []
    db.on('notice', (notice) => notices.push(notice.message ?? ''))
    const waiting = db.query('UPDATE customers SET name = name WHERE id = $1', [1])
    while (release === undefined || notices.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    expect(notices).toEqual(['Sallyport holds this command until dba approves.'])
    release()
    expect((await waiting).rowCount).toBe(1)
    await db.end()
    expect(gateway.failures).toEqual([])
  })
})
