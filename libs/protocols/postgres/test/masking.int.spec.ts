import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { MaskPlan, MaskQuery, OutputPlan, TargetAccess } from '@sallyport/protocol-kit'
import { passThrough } from '@sallyport/protocol-kit'
import { freshDatabase } from '@sallyport/testing'
import pg from 'pg'
import { postgres } from '../src/index.js'
import { SocketHost } from './socket-host.js'

const run = promisify(execFile)
let target: TargetAccess
let gateway: SocketHost
let port = 0

const hide: OutputPlan = { kind: 'column', mask: { rule: 'pii', apply: () => '***' } }
const empty: OutputPlan = { kind: 'column', mask: { rule: 'pii', apply: () => null } }
const scan: OutputPlan = {
  kind: 'content',
  mask: { rule: 'mail', apply: (value) => (/@example\.com/.test(value) ? value.replace(/[a-z0-9]+@example\.com/g, '[mail]') : undefined) },
}

/** Hides `public.customers.email` and `born` by origin, nulls what has no origin where customers are touched, scans the rest. */
const mask = ({ touches, outputs }: MaskQuery): MaskPlan => {
  const touched = touches.everything && touches.opaque ? true : touches.relations.some(({ name }) => name === 'customers' || name === 'people')
  return {
    outputs: outputs.map(({ origin }) => {
      if (origin.kind === 'unknown') return touched ? empty : scan
      return origin.names.some(({ table, column }) => table === 'customers' && ['email', 'born', 'attributes', 'tags', 'photo'].includes(column)) ? hide : scan
    }),
    freeText: (text) => (touched ? text.replace(/\([^()]*\)=\([^()]*\)/g, '(…)=(…)') : text).replace(/[a-z0-9]+@example\.com/g, '[mail]'),
    touchesMasked: touched,
    passesAll: false,
    stream: passThrough,
  }
}

const client = async (more: pg.ClientConfig = {}): Promise<pg.Client> => {
  const opened = new pg.Client({ host: '127.0.0.1', port, user: 'orders', password: 'secret', database: 'orders', ...more })
  opened.on('error', () => undefined)
  await opened.connect()
  return opened
}

beforeAll(async () => {
  await postgres.loadRecogniser()
  const url = new URL(await freshDatabase())
  target = { host: url.hostname, port: Number(url.port), database: url.pathname.slice(1), username: decodeURIComponent(url.username), credential: { kind: 'password', secret: decodeURIComponent(url.password) }, tls: 'disable' }
  const direct = new pg.Client({ connectionString: url.href })
  await direct.connect()
  await direct.query(`CREATE TABLE customers (id int PRIMARY KEY, name text, email text UNIQUE, born date, attributes jsonb, tags text[], photo bytea)`)
  await direct.query(`INSERT INTO customers SELECT i, 'name ' || i, 'c' || i || '@example.com', '1990-01-01', '{"a": 1}', '{x,y}', '\\x0102' FROM generate_series(1, 2000) i`)
  await direct.query(`CREATE TABLE notes (id int, body text, data jsonb)`)
  await direct.query(`INSERT INTO notes VALUES (1, 'write to c1@example.com now', '{"to": "c1@example.com"}'), (2, 'nothing', '{}')`)
  await direct.query(`CREATE VIEW people AS SELECT id AS number, email AS contact FROM customers`)
  await direct.query(`CREATE FUNCTION tell() RETURNS int LANGUAGE plpgsql AS $$BEGIN RAISE NOTICE 'mail c1@example.com'; PERFORM pg_notify('news', 'mail c1@example.com'); RETURN 1; END$$`)
  await direct.end()
  gateway = new SocketHost({ target, mask, acknowledgeMs: 1 })
  port = await gateway.listen()
}, 120_000)

afterAll(async () => {
  await gateway.close()
})

describe('rows', () => {
  it('masks by origin, whatever the output is called, in both protocols, and nulls what a type cannot hold', async () => {
    const db = await client()
    const expected = { id: 1, shown: '***', born: null, attributes: '***', tags: null, photo: null }
    const text = 'SELECT id, email AS shown, born, attributes, tags, photo FROM customers WHERE id = 1'
    expect((await db.query(text)).rows).toEqual([expected])
    expect((await db.query(`${text} AND $1`, [true])).rows).toEqual([expected])
    await db.end()
    expect(gateway.commands.at(-1)?.outcome).toMatchObject({ masked: { pii: 5 }, result: { rows: [['1', '***', null, '"***"', null, null]] } })
  })

  it('masks binary results', async () => {
    const db = await client()
    const { rows } = await db.query({ text: 'SELECT id, email, name, born, attributes FROM customers WHERE id = $1', values: [1], binary: true } as pg.QueryConfig)
    expect(rows[0]).toMatchObject({ id: 1, email: '***', name: 'name 1', born: null })
    await db.end()
  })

  it('masks large results without losing a row', async () => {
    const db = await client()
    const { rows } = await db.query('SELECT id, email, name FROM customers ORDER BY id')
    expect(rows.length).toBe(2000)
    expect(rows.every((row, index) => row.id === index + 1 && row.email === '***' && row.name === `name ${index + 1}`)).toBe(true)
    await db.end()
  })

  it('masks through views, RETURNING, cursors and prepared statements that are never described', async () => {
    const db = await client()
    expect((await db.query('SELECT contact FROM people WHERE number = 1')).rows).toEqual([{ contact: '***' }])
    expect((await db.query('UPDATE customers SET name = name WHERE id = 1 RETURNING email')).rows).toEqual([{ email: '***' }])
    await db.query('BEGIN; DECLARE c CURSOR FOR SELECT email FROM customers ORDER BY id')
    expect((await db.query('FETCH 1 FROM c')).rows).toEqual([{ email: '***' }])
    await db.query('COMMIT')
    await db.query('PREPARE p AS SELECT email FROM customers WHERE id = $1')
    expect((await db.query('EXECUTE p (1)')).rows).toEqual([{ email: '***' }])
    expect((await db.query('SELECT upper(email) AS shouted FROM customers WHERE id = 1')).rows).toEqual([{ shouted: null }])
    await db.end()
  })

  it('scans content where no column is masked, and passes the rest', async () => {
    const db = await client()
    expect((await db.query('SELECT body, data FROM notes ORDER BY id')).rows).toEqual([
      { body: 'write to [mail] now', data: { to: '[mail]' } }, { body: 'nothing', data: {} },
    ])
    await db.end()
  })
})

describe('other channels', () => {
  it('masks COPY in text and csv, and refuses forms that it cannot read', async () => {
    const psql = async (text: string) => run('psql', ['-X', '-h', '127.0.0.1', '-p', String(port), '-U', 'orders', '-d', 'orders', '-c', text], { env: { ...process.env, PGPASSWORD: 'secret' } })
    expect((await psql('COPY notes TO STDOUT')).stdout).toBe('1\twrite to [mail] now\t{"to": "[mail]"}\n2\tnothing\t{}\n')
    expect((await psql('COPY notes TO STDOUT (FORMAT csv, HEADER)')).stdout).toBe('id,body,data\n1,write to [mail] now,"{""to"": ""[mail]""}"\n2,nothing,{}\n')
    expect((await psql('COPY (SELECT id, email FROM customers WHERE id = 1) TO STDOUT')).stdout).toBe('\\N\t\\N\n')
    await expect(psql(`COPY customers TO STDOUT (DELIMITER '|')`)).rejects.toMatchObject({ stderr: expect.stringContaining('cannot be masked') })
    await expect(psql('COPY customers TO STDOUT (FORMAT binary)')).rejects.toMatchObject({ stderr: expect.stringContaining('cannot be masked') })
  })

  it('masks error and notice texts and notifications, and keeps the pid that the client knows', async () => {
    const db = await client()
    const notices: string[] = []
    db.on('notice', (notice) => notices.push(notice.message ?? ''))
    const heard = new Promise<pg.Notification>((resolve) => db.on('notification', resolve))
    await expect(db.query(`INSERT INTO customers (id, email) VALUES (9999, 'c1@example.com')`)).rejects.toMatchObject({ code: '23505', detail: 'Key (…)=(…) already exists.' })
    await db.query('LISTEN news')
    await db.query('SELECT tell()')
    expect(notices).toEqual(['mail [mail]'])
    const notification = await heard
    expect(notification.payload).toBe('')
    expect(notification.processId).toBe((db as unknown as { processID: number }).processID)
    await db.end()
  })

  it('leaves nothing unfinished', async () => {
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(gateway.failures).toEqual([])
    expect(gateway.commands.filter((command) => command.outcome === undefined).map((command) => command.text)).toEqual([])
  })
})
