import { beforeAll, describe, expect, it } from '@jest/globals'
import { loadRecogniser, recognise, type PostgresDetail } from './index.js'

beforeAll(loadRecogniser)

const copies = (text: string): string | undefined => {
  const { statements } = recognise(text, {}).detail as PostgresDetail
  const found = statements.flatMap(({ copies: each }) => each ?? [])
  if (found.length === 0) return undefined
  return found.map(({ sources, opaque, executes }) => [
    ...sources.map(({ schema, name, columns, everything }) => `${schema === null ? '' : `${schema}.`}${name}(${everything ? '*' : [...columns].sort().join(' ')})`).sort(),
    ...(opaque ? ['anything'] : []), ...(executes ? ['what is executed'] : []),
  ].join(' ')).join('; ')
}

describe('what a statement reads into a place that keeps it', () => {
  it.each<[string, string]>([
    ['create table x as select email from customers', 'customers(email)'],
    ['create table x as table customers', 'customers(*)'],
    ['create table x as select c from customers c', 'customers(*)'],
    ['create table x as select (c).email from customers c', 'customers(*)'],
    ['create temp table x as select 1 from orders where email = \'a\'', 'orders(email)'],
    ['create table x as execute p', 'what is executed'],
    ['explain analyze create table x as select email from customers', 'customers(email)'],
    ['select email into x from customers', 'customers(email)'],
    ['select id into x from orders union all select email from customers', 'customers(email id) orders(email id)'],
    ['insert into t select email from public.customers', 'public.customers(email)'],
    ['insert into t select c.email, o.id from customers c, orders o', 'customers(email) orders(id)'],
    ['insert into t select c.* from customers c join orders o using (id)', 'customers(*) orders(id)'],
    ['insert into t select o.id from customers c join orders o using (email)', 'customers(email) orders(email id)'],
    ['insert into t select j.a from (customers c join orders o on true) as j', 'customers(a) orders(a)'],
    ['insert into t select j.* from (customers c join orders o on true) as j', 'customers(*) orders(*)'],
    ['insert into t select x.e from (select email as e from customers) x', 'customers(e email)'],
    ['with x as (select email from customers) insert into t select email from x', 'customers(email)'],
    ['with x as (delete from customers returning email) insert into t select * from x', 'customers(*)'],
    ['with a as (select email from customers), b as (insert into t select email from a returning 1) select * from b', 'customers(email) t(email)'],
    ['insert into t values ((select email from customers))', 'customers(email)'],
    ['insert into t values (1) on conflict (id) do update set note = t.email', 't(email)'],
    ['insert into t values (1) on conflict (id) do update set note = (select email from customers)', 'customers(email) t(email)'],
    ['insert into t select my_function()', 'anything'],
    ['insert into t select most_common_vals from pg_stats', 'pg_stats(most_common_vals) anything'],
    ['insert into t select * from my_function()', 'anything'],
    ['update t set note = email', 't(email)'],
    ['update t set note = upper(t.email) where id = 1', 't(email)'],
    ['update t set note = c.email from customers c where c.id = t.id', 'customers(email id) t(id)'],
    ['update t set note = a.letter from alphabet a, customers c where a.code = ascii(c.email)', 'alphabet(code letter) customers(email)'],
    ['update t set (a, b) = (select id, email from customers)', 'customers(email id) t(email id)'],
    ['update t set (a, b) = (email, 1)', 't(email)'],
    ['update t set note = my_function()', 'anything'],
    ['merge into t using customers c on t.id = c.id when matched then update set note = c.email', 'customers(email id) t(id)'],
    ['merge into t using customers c on t.id = c.id when not matched then insert (note) values (c.email)', 'customers(email id) t(id)'],
    ["copy customers to '/tmp/x'", 'customers(*)'],
    ["copy customers (email) to program 'cat'", 'customers(email)'],
    ["copy (select email from customers) to '/tmp/x'", 'customers(email)'],
    ['alter table t alter note type text using email', 't(email)'],
    ['alter table customers rename email to e', 'customers(email)'],
    ['alter table customers rename to c', 'customers(*)'],
    ['alter table customers set schema other', 'customers(*)'],
    ['alter schema public rename to other', 'anything'],
    ['alter type person rename attribute email to e cascade', 'anything'],
    ["select set_config('my.value', email, false) from customers", 'customers(email)'],
    ["select pg_catalog.set_config('my.value', (select max(email) from customers), false)", 'customers(email)'],
    ["select setval('counter', ascii(email)) from customers where id = 1", 'customers(email id)'],
    ["select setval('counter', max(id)) from orders", 'orders(id)'],
    ['select pg_advisory_lock(pin), pg_try_advisory_xact_lock_shared(id) from customers', 'customers(id pin)'],
    ["select lo_from_bytea(0, convert_to(email, 'UTF8')) from customers", 'customers(email)'],
    ["select set_config('my.value', my_function(), false)", 'anything'],
    ['alter table logs detach partition logs_2024', 'logs_2024(*)'],
    ['alter table child no inherit customers', 'child(*)'],
    ['alter table customers alter lower_email drop expression', 'customers(lower_email)'],
    ['create rule r as on insert to customers do also insert into t values (new.email)', 'customers(email)'],
    ['create function f() returns void begin atomic insert into t select email from customers; end', 'customers(email)'],
    ['prepare p as insert into t select email from customers', 'customers(email)'],
    ['begin; insert into t select email from customers; commit', 'customers(email)'],
  ])('%s', (text, expected) => {
    expect(copies(text)).toBe(expected)
  })

  it.each([
    "update customers set name = 'x' where id = 1", "update customers set name = $1 where email = 'a'", 'update customers set visits = visits + 1, email = lower(customers.email)',
    'update customers c set email = c.email', "insert into customers values (1, 'x')", "insert into t values (nextval('s'), now(), gen_random_uuid(), $1)",
    'insert into customers values (1) on conflict (id) do update set email = excluded.email, name = excluded.name', 'insert into t default values', 'insert into t select 1 from customers',
    'insert into t select count(*) from customers', 'delete from customers where email = $1 returning email', 'select email from customers', 'select email from customers for update',
    'explain create table x as select email from customers', 'explain insert into t select email from customers', 'create view v as select email from customers',
    'create materialized view v as select email from customers', 'create table x as select email from customers with no data', 'create table x (like customers)', 'copy customers to stdout',
    'copy customers from stdin', "copy (select email from customers) to stdout", 'declare c cursor for select email from customers', 'alter table customers add column a integer',
    'alter table customers alter email type varchar(10) using email::varchar(10)', 'select my_function(email) from customers', 'truncate customers', 'grant select on customers to bob',
    'merge into t using customers c on t.id = c.id when matched then delete', 'alter table customers rename constraint a to b', 'alter function f() rename to g',
    "select set_config('my.value', $1, false) from customers", "select setval('counter', 5, true)", "select pg_catalog.set_config('search_path', '', false)", 'select pg_advisory_lock(7) from customers',
  ])('nothing: %s', (text) => {
    expect(copies(text)).toBeUndefined()
  })
})
