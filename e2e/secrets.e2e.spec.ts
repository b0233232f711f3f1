import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { deflateRawSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { approve, deny, listApprovals } from '@sallyport/contracts/approval'
import { encodeFrames } from '@sallyport/contracts/recording'
import { sessionEventTypes } from '@sallyport/contracts/session'
import { waitFor } from '@sallyport/testing'
import pg from 'pg'
import { FaultPlatform, TARGET_PASSWORD } from './faults/fault-platform.js'
import { createScanner, scanDatabase, scanDirectory } from './harness/scan.js'
import { faultOf } from './harness/event-tap.js'
import { frame, RawClient, startup } from './harness/raw-postgres.js'

/** Planted in the target, or shown by clients. Each is in a masked column, or of a form that a detector knows. */
const PLANTED = {
  email: 'zofia.kowalewska-91@planted.example',
  email2: 'quentin.thorne-77@planted.example',
  emailInserted: 'inserted.person-55@planted.example',
  card: '5555555555554444',
  cardSpaced: '4012 8888 8888 1881',
  awsKey: 'AKIAQ7XPLANTED5ZKEYA',
  privateKey: 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDplanted9xk2',
  password: 'Tr0ub4dor&planted-3',
  targetPassword: TARGET_PASSWORD,
  wrongPassword: 'this-is-a-wrong-password-0815',
  wrongCredential: `spc_${'wrongcredential0'.repeat(2)}`,
  applicationCard: '4242424242424242',
  userKey: 'AKIAWRONGFIELD7Q3XYZ',
}
const PEM = `-----BEGIN PRIVATE KEY-----\n${PLANTED.privateKey}\n-----END PRIVATE KEY-----`
const NEEDLE = 'needle_that_must_be_in_the_log'

const SCHEMA = `
  create table customers (id integer primary key, name text, email text unique, password text, constraint no_teapots check (name <> 'teapot'));
  create table notes (id integer primary key, body text);
  create table parked (id integer primary key, body text);
  insert into customers values (1, 'Zofia', '${PLANTED.email}', '${PLANTED.password}'), (2, 'Quentin', '${PLANTED.email2}', '${PLANTED.password}');
  insert into notes values (1, 'card ${PLANTED.card} or ${PLANTED.cardSpaced}'), (2, 'key ${PLANTED.awsKey}'), (3, '${PEM}'), (4, 'mail ${PLANTED.email}');
  create function shout(integer) returns text language plpgsql as $$ begin raise notice 'mail is %', (select email from customers where id = $1); return 'done'; end $$;
  grant select, insert, update, delete on all tables in schema public to app;
`
const POLICIES = `
@id("all") permit (principal in Group::"ai-agents", action in [Action::"connect", Action::"read", Action::"write", Action::"execute", Action::"administer", Action::"unrecognised"], resource);
@id("held") @approval("dba") @expires("20s") forbid (principal in Group::"ai-agents", action == Action::"sql.delete", resource);
@id("parked") @approval("dba") @park @expires("20s") forbid (principal in Group::"ai-agents", action == Action::"sql.truncate", resource);
`
const bob = { kind: 'user' as const, issuer: 'development', subject: 'bob', uid: 'bob', groups: ['dba'], person: true as const, chain: [] }

let platform: FaultPlatform
const tokens: Record<string, string> = {}

beforeAll(async () => {
  platform = await FaultPlatform.start({ logLevel: 'trace', tap: true, api: true, policies: POLICIES, schema: SCHEMA })
  const rule = (name: string, spec: object) => platform.rest!('PUT', `/v1/masking-rules/${name}`, { spec: { connections: { names: ['marks-stored', 'marks-stream'] }, transform: { kind: 'redact' }, ...spec } })
  await rule('columns', { columns: ['public.customers.email', 'public.customers.password'] })
  await rule('forms', { detect: ['email', 'credit_card', 'aws_access_key', 'private_key', 'jwt', 'generic_secret'] })
  tokens['token'] = await platform.issuer.token('coding-agent', ['ai-agents'])
  const { credential } = await platform.rest!('POST', '/v1/credentials', { connection: 'marks-stored' }, tokens['token']) as { credential: string }
  tokens['credential'] = credential
  tokens['expired'] = await platform.issuer.token('coding-agent', ['ai-agents'], { planted: 'expired' }, '-1h')
}, 90_000)

afterAll(() => platform?.stop())

const outcomes = { succeeded: 0, failed: 0 }
const attempt = async (work: Promise<unknown>): Promise<void> => {
  await work.then(() => { outcomes.succeeded += 1 }, () => { outcomes.failed += 1 })
}

const reads = (secret: typeof PLANTED): readonly string[] => [
  `select '${NEEDLE}'`, 'select * from customers', 'select email as contact, password from customers', 'select upper(email), reverse(password), md5(email) from customers',
  'select * from notes', 'select string_agg(body, \',\') from notes', `select id from customers where email = '${secret.email}'`, `select id from customers where email like '${secret.email2}%' or password = '${secret.password}'`,
  'select email::integer from customers', 'select (email || password)::date from customers', 'select xmlelement(name a, email)::text::integer from customers', 'select 1 / (id - 1) from customers where email is not null',
  `select '${secret.card}', '${secret.awsKey}', '${PEM}'`, `/* ${secret.card} */ select 1`, `-- ${secret.email}\nselect 2`, `select 1 as "${secret.email}"`, `select ${secret.card} as n`,
  'copy customers to stdout', 'copy (select email, password from customers) to stdout with (format csv, header)', 'copy notes to stdout', 'table customers', 'select c from customers c', 'select row_to_json(c) from customers c',
  'select shout(1)', 'do $$ begin raise notice \'%\', (select email from customers limit 1); end $$', 'explain select * from customers', 'explain analyze select * from customers',
]

const writes = (secret: typeof PLANTED): readonly string[] => [
  `insert into customers values (3, 'Dup', '${secret.email}', 'x')`, `insert into customers values (4, 'teapot', '${secret.emailInserted}', '${secret.password}')`,
  `insert into customers values (5, 'New', '${secret.emailInserted}', '${secret.password}') returning *`, `update customers set email = '${secret.email2}' where id = 1`, `update customers set password = '${secret.password}' where id = 2 returning id, password`,
  `insert into notes values (10, '${secret.card}'), (11, '${secret.awsKey}')`, `insert into notes values (10, '${secret.card}')`, `delete from customers where email = '${secret.email}'`, `truncate parked /* ${secret.card} */`,
]

const broken = (secret: typeof PLANTED): readonly string[] => [
  `selec email from customers where email = '${secret.email}'`, `select '${secret.password}`, `select $q$${secret.email}`, `insert into customers values (9, '${secret.card}'`, `select * from customers where email = '${secret.email}' and no_such_column = 1`,
  `select '${secret.email}'::integer`, `set application_name = '${secret.email}'`, `set my.secret = '${secret.awsKey}'`, `notify channel, '${secret.card}'`, `prepare p as select id from customers where email = '${secret.email}'`, `execute p`, `declare c cursor for select * from customers`,
]

const runAll = async (client: pg.Client): Promise<void> => {
  for (const text of [...reads(PLANTED), ...writes(PLANTED), ...broken(PLANTED)]) await attempt(client.query(text))
}

const prepared = async (client: pg.Client): Promise<void> => {
  for (const binary of [false, true]) {
    for (const value of [PLANTED.email, PLANTED.password, PLANTED.card, PLANTED.awsKey, PEM]) {
      const run = (text: string, values: string[]): Promise<void> => attempt(client.query({ text, values, binary } as pg.QueryConfig))
      await run('select * from customers where email = $1 or password = $1', [value])
      await run('insert into customers values (20, $1, $2, $1)', [value, PLANTED.email])
      // A password has no form of its own: where nothing masked is touched, nobody can tell that it is one.
      if (value === PLANTED.password) continue
      await run('select $1::text as echoed', [value])
      await run('select $1::integer', [value])
    }
  }
  await attempt(client.query('begin'))
  await attempt(client.query('declare cur cursor for select email, password from customers'))
  await attempt(client.query('fetch all from cur'))
  await attempt(client.query('rollback'))
}

/** What is asked of the API with secrets in it, too: it logs requests. */
const throughRest = async (): Promise<void> => {
  const rest = platform.rest!
  await attempt(rest('POST', '/v1/masking-rules/preview', { spec: { connections: { names: ['marks-stored'] }, transform: { kind: 'redact' }, columns: [], detect: ['email', 'credit_card'] }, samples: [PLANTED.email, PLANTED.card] }))
  await attempt(rest('PUT', '/v1/connections/unsealed', { spec: { protocol: 'postgres', target: { host: '127.0.0.1', port: 1 }, credentials: { username: 'app', sealed: PLANTED.password } } }))
  await attempt(rest('GET', '/v1/connections', undefined, PLANTED.wrongCredential))
  await attempt(rest('GET', `/v1/commands?text=${encodeURIComponent(PLANTED.email)}`))
}

/** COPY with data that the driver has no call for. */
const copyIn = async (): Promise<void> => {
  const client = await RawClient.open(platform.proxyPort, 'marks-stored', tokens['token']!)
  const rows = [`30\tCopied\tcopied-${PLANTED.email}\t${PLANTED.password}\n`, `31\tCopied\t${PLANTED.email}\t${PLANTED.password}\n`]
  for (const row of rows) {
    client.messages.length = 0
    client.send(frame('Q', 'copy customers from stdin\0'))
    await client.until('G')
    client.send(frame('d', row), frame('c'))
    await client.until('Z')
  }
  client.destroy()
}

const resolveHeld = async (): Promise<void> => {
  const client = await platform.client('marks-stored')
  for (const verdict of [approve, deny]) {
    const running = attempt(client.query('delete from customers where email = $1 or password = $2', [PLANTED.emailInserted, PLANTED.password]))
    const pending = async () => (await platform.bus.call(listApprovals, { status: 'pending' })).items.find((item) => item.mode === 'hold')
    const approval = await waitFor(pending, { what: 'the held command' })
    await platform.bus.call(verdict, { id: approval.id, approver: bob, comment: 'seen' })
    await running
  }
  await client.end()
}

const wrongLogins = async (): Promise<void> => {
  for (const password of [PLANTED.wrongPassword, PLANTED.wrongCredential, tokens['expired']!]) await attempt(platform.client('marks-stored', { password }))
  await attempt(platform.client('marks-stored', { database: PLANTED.card }))
  for (const user of [PLANTED.userKey, PLANTED.email, tokens['token']!]) {
    const client = await RawClient.connect(platform.proxyPort)
    client.send(startup({ user, application_name: `tool ${PLANTED.applicationCard}` }), frame('p', `${tokens['token']}\0`))
    await client.ended()
  }
}

test('none of the planted secrets is in a table, in the stream or in a log', async () => {
  const named = await platform.client('marks-stored', { password: tokens['token'], application_name: `tool ${PLANTED.applicationCard}` })
  const stream = await platform.client('marks-stream', { password: tokens['token'] })
  const approving = setInterval(() => void platform.approvePending().catch(() => undefined), 200)
  for (const client of [named, stream]) {
    await runAll(client)
    await prepared(client)
    await client.end()
  }
  clearInterval(approving)
  const short = await platform.client('marks-stored', { password: tokens['credential'] })
  await attempt(short.query(`select '${PLANTED.card}' as shown`))
  await short.end()
  await throughRest()
  await copyIn()
  await resolveHeld()
  await wrongLogins()
  await platform.settled()
  expect(outcomes.succeeded).toBeGreaterThan(60)
  expect(outcomes.failed).toBeGreaterThan(20)

  const scanner = createScanner({ ...PLANTED, ...tokens, tokenHead: tokens['token']!.slice(0, 150), tokenSignature: tokens['token']!.split('.')[2]! })
  const needles = createScanner({ needle: NEEDLE })
  const control = new pg.Client({ connectionString: platform.database.url })
  control.on('error', () => undefined)
  await control.connect()
  for (const each of [scanner, needles]) {
    expect(await scanDatabase(control, each)).toBeGreaterThan(20)
    expect(scanDirectory(platform.natsDir, each)).toBeGreaterThan(3)
    expect(scanDirectory(platform.logDir, each)).toBeGreaterThanOrEqual(6)
    // What tables were and are, as pages and in the write-ahead log.
    expect(scanDirectory(platform.databaseDir, each)).toBeGreaterThan(100)
    for (const { event } of platform.published) each.scan(JSON.stringify(event), `stream ${event.type}`)
  }
  expect(scanner.findings).toEqual([])
  expect([...new Set(platform.published.map(({ event, subject }) => faultOf(event, subject)))].filter((fault) => fault !== undefined)).toEqual([])
  // The scan saw what the workload left: its statement is in the store's tables and was in the stream.
  expect(needles.findings.some(({ where }) => where.includes('payloads'))).toBe(true)
  expect(needles.findings.some(({ where }) => where.startsWith('stream'))).toBe(true)
  expect(needles.findings.some(({ where }) => where.includes('pg_wal'))).toBe(true)

  await seesCanaries(control)
  await control.end()
}, 120_000)

/** A scan that finds nothing may be blind. */
const seesCanaries = async (control: pg.Client): Promise<void> => {
  const canary = createScanner({ canary: PLANTED.email })
  const encoded = Buffer.from(`x${PLANTED.email}y`)
  await control.query('create schema canary')
  await control.query('create table canary.cage (plain text, body bytea, document jsonb, packed text)')
  await control.query('insert into canary.cage values ($1, $2, $3, $4)', [`<${PLANTED.email}>`, encoded, JSON.stringify({ deep: [PLANTED.email] }), encoded.toString('base64')])
  await control.query('insert into canary.cage (packed) values ($1)', [encoded.toString('hex')])
  const chunk = (index: number, text: string): string => {
    const frames = deflateRawSync(encodeFrames([{ kind: 'input', atMs: 1, bytes: Buffer.from('typed') }, { kind: 'output', atMs: 2, bytes: Buffer.from(text.slice(0, 9)) }, { kind: 'output', atMs: 3, bytes: Buffer.from(text.slice(9)) }], 0)).toString('base64')
    return JSON.stringify({ type: sessionEventTypes.recording, data: { command: 'cmd_1', index, bytes: 1, frames } })
  }
  const half = PLANTED.email.length / 2
  await control.query('create table canary.recorded (body bytea)')
  for (const [index, text] of [`<${PLANTED.email.slice(0, half)}`, `${PLANTED.email.slice(half)}>`].entries()) await control.query('insert into canary.recorded values ($1)', [Buffer.from(chunk(index, text))])
  writeFileSync(path.join(platform.natsDir, 'canary.blk'), encoded.toString('base64'))
  writeFileSync(path.join(platform.logDir, 'canary.log'), PLANTED.email)
  await scanDatabase(control, canary)
  scanDirectory(platform.natsDir, canary)
  scanDirectory(platform.logDir, canary)
  const where = canary.findings.map((finding) => `${finding.where.replace(/^file [^/]*\//, '')} ${finding.form}`)
  for (const place of ['table canary.cage column plain plain', 'table canary.cage column body plain', 'table canary.cage column document plain', 'table canary.cage column packed base64', 'table canary.cage column packed hex', 'table canary.recorded column body, recorded output plain', 'canary.blk base64', 'canary.log plain']) {
    expect(where).toContain(place)
  }
}
