import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Platform } from './harness/platform.js'
import { runProgram } from './harness/programs.js'
import { fieldsOf, frame, RawClient, type RawMessage } from './harness/raw-postgres.js'
import { startShop } from './harness/shop.js'

/** Values that no detector knows: only their column tells what they are. */
const HANDLES = ['quokka7713', 'wombat4459']
const PINS = [918_273_645, 645_546_918]

const forms = (text: string): (string | Buffer)[] => {
  const bytes = Buffer.from(text)
  return [text, text.toUpperCase(), [...text].reverse().join(''), bytes.toString('hex'), bytes.toString('base64').replace(/=+$/, ''), text.slice(0, 7), text.slice(-7)]
}
const binaryInt = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
const NEEDLES = [...HANDLES.flatMap(forms), ...PINS.flatMap((pin) => [...forms(String(pin)), binaryInt(pin)])]

const SCHEMA = `
  create table members (id integer primary key, name text not null, handle text not null unique, pin integer not null, handle_copy text generated always as (lower(handle)) stored);
  insert into members values (1, 'Ada', '${HANDLES[0]}', ${PINS[0]}), (2, 'Grace', '${HANDLES[1]}', ${PINS[1]});
  create table scratch (id integer, body text);
  create view contacts as select id as number, name as called, handle as contact, pin as code from members;
  create view cards as select number, upper(contact) as shout from contacts;
  create materialized view snapshot as select id as number, handle as contact from members;
  create view whole as select m as everything from members m;
  create function first_handle() returns text language sql stable as 'select handle from members limit 1';
  create view through_function as select first_handle() as x;
  create function contact_line(members) returns text language sql stable as 'select $1.name || '' '' || $1.handle';
  create function tell() returns integer language plpgsql as $$declare h text; begin
    select handle into h from members where id = 1; raise notice '%', h; perform pg_notify('news', h); return 1; end$$;
  create function fail() returns integer language plpgsql as $$declare h text; begin
    select handle into h from members where id = 1; raise exception '%', h using detail = h, hint = h, column = h, table = h; end$$;
  create function fail_late() returns integer language plpgsql as $$declare h text; begin
    select handle into h from members where id = 1; raise sqlstate 'ZZ001' using message = h; end$$;
  create sequence counter;
  create function count_up(members) returns bigint language sql as 'select nextval(''counter'')';
  create function count_any(anyelement) returns bigint language sql as 'select nextval(''counter'')';
  grant usage on sequence counter to app;
  create table logs (id integer, handle text, taken date) partition by range (taken);
  create table logs_2024 partition of logs for values from ('2024-01-01') to ('2025-01-01');
  insert into logs values (1, '${HANDLES[0]}', '2024-05-05');
  create table base_people (id integer, handle text);
  create table special_people (extra text) inherits (base_people);
  insert into special_people values (1, '${HANDLES[1]}', 'plain');
  create table parents (id integer primary key);
  create table guarded (id integer primary key check (id > 0), name text not null, handle text not null, parent integer references parents on delete cascade, unique (name, handle));
  create table referring (name text, handle text, foreign key (name, handle) references guarded (name, handle));
  create table late (id integer, name text, handle text, unique (name, handle) deferrable initially deferred);
  create table parted (id integer, handle text, taken date) partition by range (taken, handle);
  create table parted_2024 partition of parted for values from ('2024-01-01', minvalue) to ('2025-01-01', minvalue);
  insert into parents values (1), (2);
  insert into guarded values (1, 'Ada', '${HANDLES[0]}', 1), (2, 'Grace', '${HANDLES[0]}', 2);
  insert into referring values ('Ada', '${HANDLES[0]}');
  insert into late values (1, 'a', '${HANDLES[0]}'), (2, 'b', '${HANDLES[0]}');
  insert into parted values (1, '${HANDLES[0]}', '2024-05-05');
  create table parts (part integer primary key);
  create table plain (id integer primary key, part integer references parts);
  create schema other;
  create view other.members as select id, name, handle as nick from public.members;
  create table other.quiet (id integer, handle text);
  insert into other.quiet values (1, 'harmless');
  create table "Mixed Case" (id integer, "The Handle" text);
  insert into "Mixed Case" values (1, '${HANDLES[0]}');
  create view statistics as select tablename, most_common_vals::text as values, histogram_bounds::text as bounds from pg_stats;
  grant usage on schema other to app;
  grant select, insert, update, delete on all tables in schema public, other to app;
  analyze;
`

let platform: Platform
let client: RawClient
let env: Record<string, string>

beforeAll(async () => {
  platform = await startShop()
  const shop = await platform.direct('shop')
  await shop.query(SCHEMA)
  await shop.query('alter table members owner to app')
  await shop.end()
  await platform.rule('members', { columns: ['public.members.handle', 'public.members.pin', 'public.logs.handle', 'public.base_people.handle', 'public.guarded.handle', 'public.late.handle', 'public.parted.handle', 'public.Mixed Case.The Handle'] })
  const token = await platform.issuer.token('erin', ['engineers'])
  env = platform.libpq('shop', token)
  client = await RawClient.open(platform.proxyPort, 'shop', token)
}, 90_000)

afterAll(async () => {
  client?.destroy()
  await platform?.stop()
})

const leaksIn = (bytes: Buffer | string): (string | Buffer)[] => {
  const all = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes
  return NEEDLES.filter((needle) => all.includes(needle))
}

/** Fields of the rows; null is SQL NULL. */
const rowsOf = (messages: readonly RawMessage[]): (string | null)[][] => messages.filter(({ type }) => type === 'D').map(({ body }) => {
  const values: (string | null)[] = []
  let at = 2
  for (let left = body.readInt16BE(0); left > 0; left -= 1) {
    const length = body.readInt32BE(at)
    at += 4
    values.push(length < 0 ? null : body.toString('utf8', at, at + length))
    if (length > 0) at += length
  }
  return values
})

interface Got {
  readonly rows: (string | null)[][]
  readonly bytes: Buffer
  readonly errors: string[]
}

const exchange = async (pieces: readonly Buffer[]): Promise<Got> => {
  client.messages.length = 0
  client.send(...pieces)
  await client.until('Z')
  const messages = [...client.messages]
  return {
    rows: rowsOf(messages),
    bytes: Buffer.concat(messages.map(({ type, body }) => Buffer.concat([Buffer.from(type, 'latin1'), body]))),
    errors: messages.filter(({ type }) => type === 'E').map((message) => fieldsOf(message)['M'] ?? ''),
  }
}

const query = (text: string): Promise<Got> => exchange([frame('Q', `${text}\0`)])

const int16 = (value: number): Buffer => {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}
const parse = (text: string, name = ''): Buffer => frame('P', Buffer.concat([Buffer.from(`${name}\0${text}\0`), int16(0)]))
const bind = (format: 0 | 1, name = '', portal = ''): Buffer => frame('B', Buffer.concat([Buffer.from(`${portal}\0${name}\0`), int16(0), int16(0), int16(1), int16(format)]))
const execute = (portal = '', rows = 0): Buffer => frame('E', Buffer.concat([Buffer.from(`${portal}\0`), Buffer.from([0, 0, 0, rows])]))
const sync = frame('S')

/** Whatever the statement is, nothing of the secrets comes back: no form of them, and no value at all in these columns. */
const HIDDEN: readonly string[] = [
  // expressions
  'select reverse(handle) from members', 'select encode(convert_to(handle, \'UTF8\'), \'hex\') from members', 'select encode(handle::bytea, \'base64\') from members',
  ...[1, 2, 3].map((at) => `select substr(handle, ${at}, 1) from members`), 'select ascii(substr(handle, 1, 1)) from members', 'select handle || \'\' from members',
  'select concat(\'<\', handle) from members', 'select case when handle like \'q%\' then handle else handle end from members', 'select cast(pin as text) from members',
  'select pin + 0 from members', 'select pin::bigint from members', 'select string_to_table(handle, null) from members', 'select length(handle) from members',
  'select regexp_split_to_table(handle, \'\') from members', 'select coalesce(handle, \'\') from members', 'select (array[handle])[1] from members', 'select (row(handle)).f1 from members',
  // aggregates and whole rows
  'select string_agg(handle, \',\') from members', 'select json_agg(handle) from members', 'select array_agg(pin) from members', 'select max(handle) from members', 'select sum(pin) from members',
  'select row_to_json(m) from members m', 'select to_jsonb(m) from members m', 'select m from members m', 'select members from members', 'select m::text from members m', 'select m.*::text from members m',
  'select jsonb_agg(m) from members m', 'select (json_each_text(row_to_json(m))).value from members m', 'select everything from whole', 'select row_to_json(w) from whole w', 'select contact_line(m) from members m',
  'select m.contact_line from members m', 'select (m).contact_line from members m', 'select m.quote_literal from members m',
  // views, and what is under them
  'select lower(contact) from contacts', 'select reverse(c.contact) from contacts c', 'select shout from cards', 'select reverse(shout) from cards', 'select lower(contact) from snapshot',
  'select code + 0 from contacts', 'select x from through_function', 'select upper(x) from through_function',
  'select lower(nick) from other.members', 'set search_path to other, public; select lower(nick) from members', 'select handle_copy from members', 'select upper(handle_copy) from members',
  'select contact from contacts union all select \'\'', 'select contact from snapshot union select contact from contacts', 'select string_agg(contact, \'\') from contacts',
  // queries within queries
  'with x as (select handle as h from members) select h || \'\' from x', 'select (select handle from members where id = 1) || \'\'', 'select x.h || \'\' from (select handle as h from members) x',
  'select h from members, lateral (select upper(handle) as h) l', 'select handle from members union all select \'\'', 'values ((select handle from members limit 1))',
  'select lag(handle) over (order by id desc) from members', 'select first_value(pin) over (order by id) from members', 'select a.handle || b.handle from members a join members b using (handle)',
  'select lower(handle) from members a natural join members b', 'select h.a from members m, unnest(array[m.handle]) as h(a)', 'select array(select handle from members)', 'select t.b || \'\' from members as t(a, n, b)',
  // partitions, inheritance, odd names
  'select lower(handle) from logs_2024', 'select lower(handle) from logs', 'select lower(handle) from special_people', 'select lower(handle) from base_people', 'select lower("The Handle") from "Mixed Case"',
  'select xmlelement(name x, handle) from members', 'select first_handle()', 'select query_to_xml(\'select * from members\', true, true, \'\')', 'select table_to_xml(\'members\', true, true, \'\')',
  // what the system keeps
  'select most_common_vals, histogram_bounds from pg_stats where tablename = \'members\'', 'select values, bounds from statistics where tablename = \'members\'',
]

describe('what is computed from a masked column is nulled, however it is written', () => {
  test.each(HIDDEN)('%s', async (text) => {
    const got = await query(text)
    expect(leaksIn(got.bytes)).toEqual([])
    expect(got.rows.flat().filter((value) => value !== null && value !== '' && value !== '[masked:members]')).toEqual([])
    await query('reset search_path')
  })
})

const expectHidden = (got: Got): void => {
  expect(leaksIn(got.bytes)).toEqual([])
}

describe('the column itself is masked, and what is not secret passes', () => {
  test.each([
    'select id, name as n, handle as other from members order by id', 'table members',
    'with x as (select id, name, handle from members) select * from x order by id', 'select * from (select id, name, handle from members) x order by 1',
    'update members set name = name returning id, name, handle, pin', 'select m.* from members m where exists (select 1 from members k where k.handle = m.handle) order by id',
    'insert into members values (1, \'Ada\', \'x\', 1), (2, \'Grace\', \'y\', 2) on conflict (id) do update set name = excluded.name returning id, name, handle',
  ])('%s', async (text) => {
    const got = await query(text)
    expectHidden(got)
    expect(got.rows.map((row) => row.slice(0, 2))).toEqual([['1', 'Ada'], ['2', 'Grace']])
  })

  // Which column of a view comes from which is not in the catalog: all of them are hidden when one is.
  test.each(['select * from contacts order by 1', 'select number, called, contact from contacts', 'select id, name, nick from other.members'])('a view: %s', async (text) => {
    expectHidden(await query(text))
  })

  test('counts, other tables of the same name and the psql commands that read the catalog are not touched', async () => {
    expect((await query('select count(*), min(id) from public.members')).rows).toEqual([['2', '1']])
    expect((await query('select upper(handle), handle from other.quiet')).rows).toEqual([['HARMLESS', 'harmless']])
    expect((await query('select upper(extra) from special_people')).rows).toEqual([['PLAIN']])
    expect((await query('select upper(called) from contacts where number = 1')).rows.flat()).toEqual([null])
    expect((await query('select tablename || \'\' as t, tableowner from pg_tables where tablename = \'members\'')).rows).toEqual([['members', 'app']])
    const { out, code } = await runProgram('psql', ['-X', '-A'], env, '\\du\n\\d members\n\\dv\nselect table_name from information_schema.tables where table_name = \'scratch\';\n')
    expect(code).toBe(0)
    for (const word of ['postgres', 'app', 'handle', 'contacts', 'scratch']) expect(out).toContain(word)
  })
})

describe('every other channel', () => {
  test.each([
    'copy members to stdout', 'copy members (id, handle) to stdout (format csv, header)', 'copy (select id, reverse(handle) from members) to stdout', 'copy (select contact from contacts) to stdout',
    'copy (select replace(contact, \'k\', \'.\') from contacts) to stdout', 'copy members to stdout (format binary)', 'copy (select pin from members) to stdout (format binary)', 'copy logs_2024 to stdout',
    'copy (select * from other.members) to stdout', 'copy special_people to stdout', 'copy (select most_common_vals from pg_stats) to stdout', 'copy members to stdout (delimiter \'|\')',
  ])('%s', async (text) => {
    expectHidden(await query(text))
  })

  test.each([
    ['begin', 'declare c cursor for select upper(contact), contact from contacts', 'fetch 1 from c', 'move 0 in c', 'fetch all from c', 'commit'],
    ['begin', 'declare b binary cursor for select handle, pin from members', 'fetch 1 from b', 'fetch 1 from b', 'commit'],
    ['begin', 'declare s scroll cursor with hold for select pin + 1 - 1 from members', 'commit', 'fetch all from s', 'close s'],
    ['prepare p1 as select upper(contact), contact from contacts', 'execute p1', 'explain analyze execute p1', 'deallocate p1'],
    ['prepare p2(text) as select handle from members where handle = $1', `explain (verbose) execute p2('${HANDLES[0]!.slice(0, 6)}')`, 'deallocate p2'],
    ['begin', 'create view fresh as select handle as h from members', 'select lower(h) from fresh', 'select h from fresh', 'copy (select h from fresh) to stdout', 'rollback'],
    ['begin', 'create or replace view through_function as select handle as x from members', 'select x from through_function', 'select lower(x) from through_function', 'rollback'],
    ['begin', 'alter table members rename handle to h2', 'select h2 from members', 'select lower(h2) from members', 'rollback'],
    ['begin', 'alter table members rename to m2', 'select handle from m2', 'select lower(handle) from m2', 'rollback'],
    ['create temp view t as select handle as h from members', 'select lower(h) from t', 'select lower(h) from pg_temp.t', 'select h from t', 'drop view t'],
    ['create view members_of as select handle as h from members; select lower(h) from members_of; drop view members_of'],
    ['set search_path to other', 'select lower(nick) from members', 'reset search_path'],
  ])('%s …', async (...texts) => {
    for (const text of texts) expectHidden(await query(text))
    await query('rollback')
  })

  test.each([
    'select handle::integer from members', 'select 1 / (pin - pin) from members', 'select handle::date from members', 'select (handle || \'{\')::json from members', 'select tell() from members',
    'select fail() from members', 'select fail_late()', 'select fail()', 'do $$begin raise notice \'%\', (select handle from members limit 1); end$$', 'do $$begin raise exception using message = (select handle from members limit 1), detail = \'x\'; end$$',
    'do $$begin raise info using message = \'a\', column = (select handle from members limit 1); end$$', 'update members set id = 1 where id = 2', `insert into members values (9, 'X', (select handle from members where id = 1), 1)`,
    'update members set handle = (select handle from members where id = 1) where id = 2', 'alter table members add constraint short check (length(handle) < 2)', 'explain (analyze, verbose) select upper(handle) from members',
    'alter table members alter handle type integer using handle::integer', 'create unique index on members ((left(handle, 0)))', 'select xmlparse(document handle) from members', 'select handle::regclass from members',
    'select set_config(\'application_name\', handle, false) from members', 'select contact::integer from contacts', 'listen news', 'select tell()', 'unlisten news',
  ])('what the target says to: %s', async (text) => {
    expectHidden(await query(text))
  })

  test.each([
    ['a failing row', 'update guarded set name = null where id = 1'], ['a failing check', 'update guarded set id = -1 where id = 1'], ['a key of which another part is named', 'update guarded set name = \'same\''],
    ['a key that others refer to', 'delete from guarded where id = 1'], ['a row that only a cascade reaches', 'delete from parents where id = 1'],
    ['what is looked at late', 'update late set name = \'same\''], ['a row that has no partition', 'update parted set taken = \'1999-01-01\''],
  ])('the details of %s', async (_, text) => {
    const shop = await platform.direct('shop')
    await expect(shop.query(text)).rejects.toMatchObject({ code: expect.stringMatching(/^23/), detail: expect.stringMatching(HANDLES.join('|')) })
    await shop.end()
    for (const said of [await query(text), await query(`begin; ${text}; commit`), await exchange([parse(text), bind(0), execute(), sync])]) {
      expectHidden(said)
      expect(said.errors).toHaveLength(1)
      await query('rollback')
    }
  })

  test('the details of what has no masked column are shown', async () => {
    expect(String((await query('insert into parts values (1), (1)')).bytes)).toContain('Key (part)=(1) already exists.')
    expect(String((await query('insert into plain values (5, 77)')).bytes)).toContain('Key (part)=(77) is not present in table')
  })

  test('what another session says to a channel', async () => {
    const said = (): RawMessage[] => client.messages.filter(({ type }) => type === 'A')
    await query('listen news')
    const shop = await platform.direct('shop')
    await shop.query('select tell()')
    await shop.end()
    const got = await query('select 1')
    expectHidden(got)
    expect(said().length).toBeLessThanOrEqual(1)
    await query('unlisten news')
  })

  test('prepared statements at the level of the protocol: binary results, executed again and never described', async () => {
    for (const text of ['select pin, handle from members', 'select lower(contact), code from contacts', 'select handle_copy, pin + 0 from members', 'fetch all from nowhere']) {
      const once = await exchange([parse(text, 'again'), bind(1, 'again'), execute(), sync])
      const twice = await exchange([bind(1, 'again'), execute('', 1), execute('', 1), bind(0, 'again'), execute(), frame('C', 'Sagain\0'), sync])
      expectHidden(once)
      expectHidden(twice)
    }
  })

  test('pg_dump holds no secret', async () => {
    const { out } = await runProgram('pg_dump', ['--table', 'members'], env)
    expect(leaksIn(out)).toEqual([])
  })

  test('large objects are written and dropped with libpq, which calls their functions by number', async () => {
    const { out, err } = await runProgram('psql', ['-X', '-v', 'ON_ERROR_STOP=1'], env, '\\lo_import /etc/hostname\n\\lo_unlink :LASTOID\n')
    expect(err).toBe('')
    expect(out).toMatch(/lo_import \d+\nlo_unlink \d+/)
  })

  test('what a command asked for is not in the log either', async () => {
    await query(`select number from contacts where contact = '${HANDLES[0]}'`)
    await platform.settled()
    for (const command of await platform.commands({ text: 'select number from contacts where contact' })) expect(leaksIn(JSON.stringify(command))).toEqual([])
  })
})

describe('a function that is written as a column is still a call, and agents may only read', () => {
  test.each([
    'select s.nextval from regclass(\'counter\') s', 'select (select s.nextval) from regclass(\'counter\') s', 'select m.count_up from members m', 'select m.count_up from contacts c, members m',
    'select x.count_any from (select 1 as one) x',
  ])('%s', async (text) => {
    const shop = await platform.direct('shop')
    const value = async (): Promise<string> => (await shop.query('select last_value::text || is_called as v from counter')).rows[0].v
    const before = await value()
    await shop.query(`begin; ${text}; rollback`)
    expect(await value()).not.toBe(before)
    const then = await value()
    const agent = await platform.client('shop', await platform.agentToken())
    await expect(agent.query(text)).rejects.toMatchObject({ code: '42501' })
    expect((await agent.query('select m.name from members m order by id')).rows.length).toBe(2)
    await agent.end()
    expect(await value()).toBe(then)
    await shop.end()
  })
})
