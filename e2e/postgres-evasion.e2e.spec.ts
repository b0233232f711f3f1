import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { listApprovals } from '@sallyport/contracts/approval'
import { at } from '@sallyport/contracts/rpc'
import { exactText } from '@sallyport/contracts/session'
import type pg from 'pg'
import type { Platform } from './harness/platform.js'
import { runProgram } from './harness/programs.js'
import { POLICIES, startShop } from './harness/shop.js'

const HANDLES = ['quokka7713', 'wombat4459']

const SCHEMA = `
  create table members (id integer primary key, name text not null, handle text not null unique, visits integer not null default 0, low text generated always as (lower(handle)) stored);
  insert into members (id, name, handle) values (1, 'Ada', '${HANDLES[0]}'), (2, 'Grace', '${HANDLES[1]}');
  create view contacts as select id as number, handle as contact from members;
  create materialized view snapshot as select id as number, handle as contact from members;
  create table scratch (id integer, body text);
  create table letters (code integer, letter text);
  create table logs (id integer, handle text, taken date) partition by range (taken);
  create table logs_2024 partition of logs for values from ('2024-01-01') to ('2025-01-01');
  create table people (id integer, handle text);
  create table special (extra text) inherits (people);
  create function first_handle() returns text language sql stable as 'select handle from members limit 1';
  create sequence counter;
  create type named as (id integer, handle text);
  create table typed of named;
  alter type named owner to app;
  create schema other;
  grant usage, update on sequence counter to app;
  grant all on schema public, other to app;
  grant select, insert, update, delete, truncate on all tables in schema public to app;
`

let platform: Platform
let target: pg.Client
let engineer: pg.Client

beforeAll(async () => {
  platform = await startShop()
  target = await platform.direct('shop')
  await target.query(SCHEMA)
  for (const name of ['members', 'scratch', 'logs', 'logs_2024', 'people', 'special', 'contacts']) await target.query(`alter ${name === 'contacts' ? 'view' : 'table'} ${name} owner to app`)
  await target.query('grant pg_write_server_files, pg_execute_server_program to app')
  await platform.rule('members', { columns: ['public.members.handle', 'public.logs.handle', 'public.people.handle', 'public.typed.handle'] })
  engineer = await platform.client('shop', await platform.issuer.token('erin', ['engineers']))
}, 90_000)

afterAll(async () => {
  await engineer?.end()
  await target?.end()
  await platform?.stop()
})

const relations = async (): Promise<string> => (await target.query(`
  select string_agg(n.nspname::text || '.' || c.relname::text || coalesce((select string_agg(a.attname::text || a.attgenerated::text, ',' order by attnum) from pg_attribute a where a.attrelid = c.oid and attnum > 0), '')
    || coalesce((select string_agg(inhparent::regclass::text, ',') from pg_inherits where inhrelid = c.oid), ''), ' ' order by c.oid) as all
  from pg_class c join pg_namespace n on n.oid = c.relnamespace where n.nspname in ('public', 'other') and c.relkind in ('r', 'v', 'm', 'p')`)).rows[0].all
const scratch = async (): Promise<unknown> => (await target.query('select * from scratch')).rows

describe('masked data is not put where no rule masks it', () => {
  test.each([
    'create table copy as select id, handle from members', 'create table copy as table members', 'create temp table copy as select reverse(handle) as h from members', 'create table copy as select m as row from members m',
    'create table copy as select contact from contacts', 'create table copy as select contact from snapshot', 'create table copy as select low from members', 'select handle into copy from members',
    'select id::text as h into copy from scratch union all select handle from members', 'create unlogged table if not exists copy (a, b) as select id, handle from members',
    'insert into scratch select id, handle from members', 'insert into scratch (body) values ((select handle from members where id = 1))', 'insert into scratch select id, body from (select id, substr(handle, 1, 3) as body from members) x',
    'with x as (select handle as h from members) insert into scratch (body) select h from x', 'insert into scratch (body) select first_handle()',
    'insert into scratch (id) select g from generate_series(1, 255) g, members m where g = ascii(m.handle)', 'with gone as (delete from members where id = 1 returning handle) insert into scratch (body) select handle from gone',
    'insert into scratch (body) select array_to_string(most_common_vals, \',\') from pg_stats', 'insert into scratch (body) select left(handle, 1) from members order by handle limit 1',
    'update members set name = handle', 'update members set name = upper(handle) where id = 1', 'update scratch set body = m.handle from members m', 'update scratch set body = (select handle from members where members.id = scratch.id)',
    'update scratch set (id, body) = (select id, handle from members limit 1)', 'update scratch set body = l.letter from letters l, members m where l.code = ascii(m.handle)',
    'insert into members (id, name, handle) values (1, \'x\', \'y\') on conflict (id) do update set name = members.handle',
    'merge into scratch using members m on m.id = scratch.id when matched then update set body = m.handle', 'merge into scratch using members m on m.id = scratch.id when not matched then insert (body) values (m.handle)',
    'copy members to \'/tmp/sallyport-evasion\'', 'copy (select handle from members) to program \'cat > /tmp/sallyport-evasion\'', 'copy members (handle) to \'/tmp/sallyport-evasion\' (format binary)',
    'alter table members alter name type text using handle', 'alter table members rename handle to open', 'alter table members rename to open', 'alter index members rename to open', 'alter table members set schema other', 'alter table logs detach partition logs_2024',
    'alter table special no inherit people', 'alter table members alter low drop expression', 'create rule spy as on update to members do also insert into scratch (body) values (old.handle)',
    'create function spy() returns void language sql begin atomic insert into scratch (body) select handle from members; end', 'prepare later as insert into scratch (body) select handle from members',
    'select set_config(\'my.value\', handle, false) from members', 'select setval(\'counter\', ascii(handle)) from members', 'select pg_advisory_xact_lock(ascii(handle)) from members',
    'alter type named rename attribute handle to open cascade', 'explain (analyze) insert into scratch (body) select handle from members', 'begin; insert into scratch (body) select handle from members; commit',
  ])('%s', async (text) => {
    const before = [await relations(), await scratch()]
    await expect(engineer.query(text)).rejects.toMatchObject({
      code: '42501', message: expect.stringContaining('no masking rule reaches'), hint: expect.stringContaining('Leave the masked columns out'),
    })
    await engineer.query('rollback')
    expect([await relations(), await scratch()]).toEqual(before)
  })

  test('a prepared statement of the protocol, and EXECUTE of one of SQL', async () => {
    await expect(engineer.query({ text: 'insert into scratch (body) select handle from members where id = $1', values: [1] })).rejects.toMatchObject({ code: '42501' })
    await engineer.query('prepare reading as select handle from members')
    await expect(engineer.query('create table copy as execute reading')).rejects.toMatchObject({ code: '42501' })
    await engineer.query('deallocate reading')
    expect(await scratch()).toEqual([])
  })

  test('who reads a view or a materialized view made of it sees it masked', async () => {
    await engineer.query('create view second as select number, contact as again from contacts')
    await engineer.query('create materialized view third as select again as h from second')
    for (const text of ['select again from second', 'select lower(again) from second', 'select h from third', 'select h || \'\' from third']) {
      expect(JSON.stringify((await engineer.query(text)).rows)).not.toMatch(/quokka|wombat/)
    }
    await expect(engineer.query('create table copy as select h from third')).rejects.toMatchObject({ code: '42501' })
    await engineer.query('drop materialized view third; drop view second')
  })

  test('it is in the log as refused', async () => {
    await expect(engineer.query('create table copied_for_the_log as select handle from members')).rejects.toBeDefined()
    await platform.settled()
    const [command] = await platform.commands({ text: 'copied_for_the_log' })
    expect(command).toMatchObject({ action: 'sql.copy_masked', class: 'unmask', status: 'refused' })
  })
})

describe('what reads no masked column into another place goes on', () => {
  test('a view made in the same transaction is not a table made in it', async () => {
    await engineer.query('begin')
    await engineer.query('create view work as select handle as h from members')
    await expect(engineer.query('insert into scratch (body) select h from work')).rejects.toMatchObject({ code: '42501' })
    await engineer.query('rollback')
    await expect(engineer.query('begin; create view work as select handle as h from members; insert into scratch (body) select h from work; rollback')).rejects.toMatchObject({ code: '42501' })
    await engineer.query('rollback')
  })

  test.each([
    'update members set name = \'x\' where id = 9', 'update members set name = \'x\' where handle = \'nobody\'', 'update members set visits = visits + 1, name = upper(name), handle = lower(handle) where id = 9',
    'insert into members (id, name, handle) values (1, \'Ada\', \'new\') on conflict (id) do update set name = excluded.name, handle = members.handle', 'insert into scratch select id, name from members where id = 9',
    'insert into scratch (id) values (nextval(\'counter\'))', 'create table numbers as select count(*) as n from members', 'insert into scratch select id, body from scratch', 'delete from members where handle = \'nobody\'',
    'begin; create temp table work as select id, name from members; insert into scratch select id, name from work where id = 9; rollback',
    'begin; create temp table work (id integer, handle text); insert into work values (1, \'mine\'); insert into scratch select id, handle from work; rollback',
    'merge into scratch using letters on letters.code = scratch.id when matched then update set body = letters.letter', 'alter table scratch rename body to text; alter table scratch rename text to body', 'truncate scratch',
    'alter table members rename constraint members_pkey to members_key', 'alter index members_handle_key rename to members_handle_unique',
  ])('%s', async (text) => {
    await engineer.query(text)
    await target.query('drop table if exists numbers; truncate scratch')
  })

  test('whoever is allowed to, may', async () => {
    await platform.policy('shop', `${POLICIES}\n@id("may-copy") permit (principal == User::"erin", action in Action::"unmask", resource);`)
    await engineer.query('insert into scratch select id, handle from members where id = 2')
    expect(await scratch()).toEqual([{ id: 2, body: HANDLES[1] }])
    await platform.policy('shop', POLICIES)
    await target.query('truncate scratch')
  })

  test('a repeated command asks nobody anything', async () => {
    const run = () => engineer.query({ name: 'copying', text: 'insert into scratch select m.id, m.name from members m join letters l on l.code = m.id where m.id = $1', values: [1] })
    const refused = () => engineer.query('update members set name = handle').then(() => 'ran', () => 'refused')
    await run()
    await refused()
    const asked: string[] = []
    const stop = platform.bus.subscribe('sallyport.rpc.>', (_, subject) => { asked.push(subject) })
    await platform.bus.flush()
    for (let count = 0; count < 200; count += 1) await run()
    for (let count = 0; count < 20; count += 1) expect(await refused()).toBe('refused')
    await stop()
    // The proxy asks the store how far it is now and then, on its own clock and not for a command.
    expect(asked.filter((subject) => !subject.startsWith('sallyport.rpc.audit.'))).toEqual([])
  })
})

describe('what stands for a masked value is not written back', () => {
  const refused = { code: '42501', message: expect.stringContaining('placeholder of a masked value'), hint: expect.stringContaining('shown masked') }
  const rows = async (): Promise<unknown> => (await target.query('select count(*)::int as n from scratch')).rows[0].n

  test('as a literal or a parameter, as text or binary', async () => {
    const { rows: [member] } = await engineer.query('select handle from members where id = 2')
    for (const [text, values] of [
      [`update members set handle = '${member.handle}' where id = 2`, []], ['update members set handle = $1 where id = 2', [member.handle]],
      ['insert into scratch (body) values ($1)', [`seen: ${member.handle}`]], ['insert into scratch (body) values (convert_from($1::bytea, \'UTF8\'))', [Buffer.from(member.handle)]],
      ['insert into scratch (body) values (\'[hash:abcdefghijklmnopqrstuv]\')', []], ['do $$begin insert into scratch (body) values (\'[masked]\'); end$$', []],
    ] as const) await expect(engineer.query(text, [...values])).rejects.toMatchObject(refused)
    await engineer.query('prepare storing as insert into scratch (body) values ($1)')
    await expect(engineer.query('execute storing (\'[masked:members]\')')).rejects.toMatchObject(refused)
    await engineer.query('deallocate storing')
    expect(await rows()).toBe(0)
    expect((await target.query('select handle from members where id = 2')).rows[0].handle).toBe(HANDLES[1])
  })

  test('in the data of COPY, wherever it is cut, and the session goes on', async () => {
    const { out, err } = await runProgram('psql', ['-X'], platform.libpq('shop', await platform.issuer.token('erin', ['engineers'])),
      `copy scratch from stdin;\n${'1\tplain\n'.repeat(30_000)}2\t[masked:members]\n${'1\tplain\n'.repeat(30_000)}\\.\nselect 'goes on' as word;\n`)
    expect(err).toContain('placeholder of a masked value')
    expect(out).toContain('goes on')
    expect(await rows()).toBe(0)
    await platform.settled()
    const [command] = await platform.commands({ text: 'copy scratch from stdin' })
    expect(command).toMatchObject({ status: 'failed' })
  })

  test('it is in the log as refused, and nobody is asked to approve it', async () => {
    const agent = await platform.client('shop', await platform.agentToken())
    await expect(agent.query('insert into notes values (7, \'[masked:pii]\')')).rejects.toMatchObject(refused)
    await agent.end()
    await platform.settled()
    expect((await platform.commands({ text: 'insert into notes values (7' }))[0]).toMatchObject({ status: 'refused' })
  })

  test('what only looks at it, and whoever sees everything, is not stopped', async () => {
    await engineer.query('select * from scratch where body = \'[masked:members]\'')
    await engineer.query('delete from scratch where body = $1', ['[masked:members]'])
    await engineer.query('insert into scratch (body) values (\'[mask] [masked\')')
    await target.query('truncate scratch')
  })
})

describe('data that comes after its command', () => {
  const COPY = 'copy notes (id, body) from stdin;\n8\tcopied\n\\.\n'
  const asAgent = async () => runProgram('psql', ['-X'], platform.libpq('shop', await platform.agentToken()), COPY)
  const copied = async (): Promise<number> => (await target.query('select count(*)::int as n from notes where id = 8')).rows[0].n
  const withCopy = (park: boolean): string => `${POLICIES}\n@id("copies") @approval("dba") ${park ? '@park ' : ''}@expires("1m") @reason("Loads are looked at first.") forbid (principal, action == Action::"sql.copy_from", resource);`

  test('is never parked: what was approved could come back as anything', async () => {
    await platform.policy('shop', withCopy(true))
    const { err } = await asAgent()
    expect(err).toContain('Loads are looked at first. It can\'t be parked')
    expect(err).toContain('all of it is in the command itself')
    expect((await platform.bus.call(listApprovals, { status: 'pending' })).items).toEqual([])
    expect(await copied()).toBe(0)
  })

  test('is held, and approvers are told that they don\'t see it', async () => {
    await platform.policy('shop', withCopy(false))
    const running = asAgent()
    const approval = await platform.pending()
    expect(approval.summary).toContain('Not part of what is approved: the data')
    const exact = await platform.bus.call(at(exactText, approval.proxy), { approval: approval.id })
    expect(exact.text).toContain('Not part of what is approved: the data')
    await platform.approve(approval.id)
    expect((await running).err).not.toContain('ERROR')
    expect(await copied()).toBe(1)
    await platform.policy('shop', POLICIES)
  })
})

describe('what can be learnt about a masked column without seeing it, as the threat model says', () => {
  const ids = async (text: string): Promise<unknown> => (await engineer.query(text)).rows.map(({ id }: { id: number }) => id)

  beforeAll(async () => {
    await target.query(`update members set handle = case id when 1 then '${HANDLES[0]}' else '${HANDLES[1]}' end; create table guesses (handle text); insert into guesses values ('${HANDLES[1]}'); grant all on guesses to app`)
  })

  test('by a condition: which rows come back', async () => {
    expect(await ids('select id from members where handle like \'q%\'')).toEqual([1])
  })

  test('by an order: who is before whom', async () => {
    expect(await ids('select id from members order by handle desc')).toEqual([2, 1])
  })

  test('by a join with guesses: which ones are right', async () => {
    expect(await ids('select m.id from members m join guesses using (handle)')).toEqual([2])
  })

  test('by how many rows a change touched', async () => {
    expect((await engineer.query('update members set visits = visits where handle like \'w%\'')).rowCount).toBe(1)
  })

  test('by an error that comes or doesn\'t', async () => {
    const dividing = (pattern: string) => engineer.query(`select id from members where id = 1 and 1 / (case when handle like '${pattern}' then 0 else 1 end) = 1`)
    await expect(dividing('q%')).rejects.toMatchObject({ code: '22012' })
    expect((await dividing('z%')).rowCount).toBe(1)
  })

  test('by a unique value that is taken: that it is, and nothing of what it is', async () => {
    const error: pg.DatabaseError = await engineer.query(`insert into members (id, name, handle) values (9, 'x', '${HANDLES[0]}')`).then(() => { throw new Error('it ran') }, (thrown) => thrown)
    expect(error.code).toBe('23505')
    expect(`${error.message} ${error.detail}`).not.toContain(HANDLES[0])
  })

  test('not by what is computed or counted from it, nor by a plan', async () => {
    for (const text of ['select count(*) as x from members where handle like \'q%\'', 'select handle like \'q%\' as x from members', 'explain (costs off) select id from members where handle like \'q%\'']) {
      expect((await engineer.query(text)).rows.flatMap((row: object) => Object.values(row)).filter((value) => value !== null)).toEqual([])
    }
  })
})
