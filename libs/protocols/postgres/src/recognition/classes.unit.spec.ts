import { beforeAll, describe, expect, it } from '@jest/globals'
import { strictness } from '@sallyport/protocol-kit'
import { actions, facts, loadRecogniser, recognise } from './index.js'

/** Class and strictest action of one statement a line. `read!` and `connect!`: a proven read. */
const table = `
read!    sql.select                select 1
read!    sql.select                select id, email from public.customers c where id = $1 order by email limit 5
read!    sql.select                table customers
read!    sql.select                values (1, 'a'), (2, 'b')
read!    sql.select                select
read!    sql.select                with t as (select * from a) select * from t join b using (id)
read!    sql.select                with recursive t(n) as (select 1 union all select n + 1 from t where n < 9) select n from t
read!    sql.select                select count(*), sum(x), row_number() over (partition by y order by z) from t group by grouping sets ((x), ())
read!    sql.select                select now(), current_user, extract(epoch from now()), x at time zone 'utc', substring(a from 1 for 2) from t
read!    sql.select                select upper(a) || lower(b), coalesce(c, 0), nullif(d, 1), greatest(e, f), case when g then h else i end from t
read!    sql.select                select 1 where a between 1 and 2 and b in (1, 2) and c is distinct from 3 and d like 'x%' and e similar to 'y'
read!    sql.select                select x::int, y::numeric(10,2), z::timestamptz, cast(w as jsonb), interval '1 day', date '2020-01-01', v::text[] from t
read!    sql.select                select j -> 'a' ->> 'b', j #> '{a}', j @> '{}', t @@ to_tsquery('x') from t
read!    sql.select                select * from generate_series(1, 10) g(n), unnest(array[1,2]) with ordinality u(x, i)
read!    sql.select                select json_object('a': 1), json_value(j, '$.a' returning int), xmlelement(name foo, x) from t
read!    sql.select                select * from json_table('[]', '$' columns (a int path '$.a')) x
read!    sql.select                select * from t tablesample bernoulli (10)
read!    sql.select                select pg_catalog.lower('x'), pg_catalog.format_type(1, 2), pg_get_viewdef(1), pg_table_is_visible(1), version()
read!    sql.select                select 'customers'::regclass, 1 operator(pg_catalog.+) 2
read!    sql.select                select set_config('search_path', '', false)
read!    sql.select                select a, b from t union all select c, d from u except select e, f from v
read!    sql.select                select (5).abs
read!    sql.select                select * from a, lateral (select * from b where b.x = a.x) c
read!    sql.copy_to               copy t to stdout
read!    sql.copy_to               copy t (a, b) to stdout (format csv)
read!    sql.copy_to               copy (select * from t) to stdout (format binary)
read!    sql.explain               explain select * from t
read!    sql.explain               explain (verbose, format json) delete from t where id = 1
read!    sql.explain               explain (analyze false) insert into t values (1)
read!    sql.explain               explain (analyze off) update t set a = 1
read!    sql.explain               explain (analyze 0) create table n as select 1
read!    sql.lock_access_share     lock table t in access share mode
read     sql.fetch                 fetch 100 from c
read     sql.fetch                 move backward all in c
connect! sql.empty                 ;
connect! sql.empty                 -- nothing
connect! sql.transaction           begin isolation level serializable, read only
connect! sql.transaction           start transaction
connect  sql.transaction           commit
connect  sql.transaction           end and chain
connect! sql.transaction           savepoint a
connect! sql.transaction           release a
connect! sql.transaction           rollback
connect! sql.transaction           abort
connect! sql.transaction           rollback to savepoint a
connect! sql.set                   set application_name = 'x'
connect! sql.set                   set local statement_timeout to '5s'
connect! sql.set                   set time zone 'UTC'
connect! sql.set                   set time zone interval '-08:00' hour to minute
connect! sql.set                   set names 'utf8'
connect! sql.set                   set search_path to app, public
connect! sql.set                   set search_path = ''
connect! sql.set                   set enable_seqscan = off
connect! sql.set                   set transaction isolation level repeatable read, read only
connect! sql.set                   set session characteristics as transaction read only
connect! sql.set                   set standard_conforming_strings = on
connect! sql.set                   set row_security = off
connect! sql.set                   reset datestyle
connect! sql.set                   reset all
connect! sql.show                  show server_version
connect! sql.show                  show all
connect! sql.listen                listen jobs
connect! sql.listen                unlisten *
connect! sql.deallocate            deallocate p
connect! sql.deallocate            deallocate all
connect! sql.close_cursor          close c
connect! sql.close_cursor          close all
connect! sql.discard               discard all
connect! sql.discard               discard temp
connect  sql.set_constraints       set constraints all immediate
write    sql.insert                insert into t values (1)
write    sql.insert                insert into t (a, b) select x, y from u
write    sql.insert                insert into t default values returning *
write    sql.insert                insert into t values (1) on conflict (id) do update set a = excluded.a
write    sql.update                update t set a = 1 where id = 2
write    sql.update                update t set (a, b) = (select x, y from u) where current of c
write    sql.delete                delete from t
write    sql.delete                delete from t using u where u.id = t.id returning t.*
write    sql.merge                 merge into t using s on t.id = s.id when matched then delete when not matched then insert values (1)
write    sql.truncate              truncate a, s.b restart identity cascade
write    sql.copy_from             copy t from stdin
write    sql.lock                  lock t
write    sql.lock                  select * from t for update
write    sql.lock                  select * from t for key share of t skip locked
write    sql.notify                notify jobs, 'x'
write    sql.vacuum                vacuum full t
write    sql.analyze               analyze t (a)
write    sql.refresh               refresh materialized view concurrently m
write    sql.delete                with d as (delete from a returning *) select * from d
write    sql.delete                select * from (values ((select 1))) v where exists (with d as (delete from u returning 1) select 1 from d)
write    sql.delete                explain analyze delete from t
write    sql.update                explain (analyze, buffers) update t set a = 1
write    sql.insert                prepare p (int) as insert into t values ($1)
write    sql.delete                copy (delete from t returning *) to stdout
write    sql.lock                  declare c cursor for select * from t for update
execute  sql.function              select my_function(1)
execute  sql.function              select public.lower('x')
execute  sql.function              select "LOWER"('x')
execute  sql.function              select nextval('s'), setval('s', 1), currval('s')
execute  sql.function              select pg_sleep(10)
execute  sql.function              select pg_advisory_lock(1)
execute  sql.function              select query_to_xml('select * from customers', true, true, '')
execute  sql.function              select table_to_xml('customers', true, true, '')
execute  sql.function              select * from ts_stat('select email from customers')
execute  sql.function              select lo_get(1), loread(1, 2)
execute  sql.function              select pg_notify('a', 'b')
execute  sql.function              select * from t tablesample system_rows(10)
execute  sql.function              select 1 limit (select my_function())
execute  sql.function              insert into t values (my_function())
execute  sql.function              explain select my_function()
execute  sql.function              copy t (a) from stdin where my_function(a)
execute  sql.function              select ('x').my_function
execute  sql.function              select * from rows from (my_function(1), generate_series(1, 2)) x
execute  sql.function              select percentile_cont(0.5) within group (order by my_function(x)) from t
execute  sql.operator              select 1 operator(public.+) 2
execute  sql.operator              select a <=> b from t
execute  sql.operator              select 1 operator(public.=) any (select 2)
execute  sql.operator              select * from t order by a using operator(public.<)
execute  sql.cast                  select 'happy'::mood
execute  sql.cast                  select mood 'happy'
execute  sql.cast                  select cast(a as public.text) from t
execute  sql.cast                  select * from json_to_record('{}') as x(a mood)
execute  sql.cast                  prepare p (mood) as select $1
execute  sql.do                    do $$ begin delete from t; end $$
execute  sql.call                  call p(1)
execute  sql.execute               execute p(1)
execute  sql.execute               explain execute p
schema   sql.create                create table t (id int primary key, a text default 'x' check (a <> ''))
schema   sql.create                create temp table t as select 1
schema   sql.create                create table t as execute p
schema   sql.create                select * into n from a
schema   sql.create                create view v as select * from t
schema   sql.create                create materialized view m as select 1
schema   sql.create                create index concurrently i on t (lower(a)) where b > 1
schema   sql.create                create sequence s
schema   sql.create                create schema s create table t (a int)
schema   sql.create                create function f() returns int language sql as 'select 1'
schema   sql.create                create procedure p() language plpgsql as 'begin end'
schema   sql.create                create trigger g before insert on t for each row execute function f()
schema   sql.create                create event trigger e on ddl_command_start execute function f()
schema   sql.create                create rule r as on insert to t do instead nothing
schema   sql.create                create policy p on t using (a = 1)
schema   sql.create                create type mood as enum ('a')
schema   sql.create                create type pair as (a int, b int)
schema   sql.create                create type r as range (subtype = int)
schema   sql.create                create domain d as int check (value > 0)
schema   sql.create                create aggregate a (int) (sfunc = f, stype = int)
schema   sql.create                create operator === (leftarg = int, rightarg = int, function = f)
schema   sql.create                create cast (a as b) with function f(a)
schema   sql.create                create statistics s on a, b from t
schema   sql.create                create text search configuration c (copy = english)
schema   sql.create                create collation c (locale = 'C')
schema   sql.create                create foreign table t (a int) server s
schema   sql.create                create database d
schema   sql.create                create access method m type table handler h
schema   sql.create                create conversion c for 'UTF8' to 'LATIN1' from f
schema   sql.create                create operator family f using btree
schema   sql.create                create operator class o for type int using btree as operator 1 <
schema   sql.create                create transform for int language sql (from sql with function f(internal))
schema   sql.alter                 alter table t add column a int, drop column b cascade
schema   sql.alter                 alter table t enable row level security
schema   sql.alter                 alter table t rename column a to b
schema   sql.alter                 alter table t set schema s
schema   sql.alter                 alter table t owner to bob
schema   sql.alter                 alter function f(int) owner to bob
schema   sql.alter                 alter sequence s restart
schema   sql.alter                 alter type mood add value 'b'
schema   sql.alter                 alter domain d drop constraint c
schema   sql.alter                 alter policy p on t using (true)
schema   sql.alter                 alter database d connection limit 5
schema   sql.alter                 alter index i attach partition j
schema   sql.alter                 alter view v set (security_barrier)
schema   sql.alter                 alter event trigger e disable
schema   sql.drop                  drop table a, s.b cascade
schema   sql.drop                  drop function f(int)
schema   sql.drop                  drop schema s cascade
schema   sql.drop                  drop trigger g on t
schema   sql.drop                  drop index concurrently i
schema   sql.drop                  drop database d
schema   sql.comment               comment on column t.a is 'x'
schema   sql.reindex               reindex table concurrently t
schema   sql.cluster               cluster t using i
schema   sql.import_foreign_schema import foreign schema a from server s into b
administer sql.set_role            set role postgres
administer sql.set_role            reset role
administer sql.set_role            set session authorization default
administer sql.set_role            select set_config('role', 'postgres', false)
administer sql.set_setting         set session_replication_role = replica
administer sql.set_setting         set row_security = on
administer sql.set_setting         set default_transaction_read_only = off
administer sql.set_setting         set session characteristics as transaction read write
administer sql.set_setting         set search_path = public, pg_catalog
administer sql.set_setting         set search_path = pg_temp
administer sql.set_setting         set app.user_id = '1'
administer sql.set_setting         set standard_conforming_strings = off
administer sql.set_setting         set no_such_setting = 1
administer sql.set_setting         set local session_preload_libraries = 'x'
administer sql.set_setting         select set_config('app.user_id', '1', true)
administer sql.set_setting         select set_config('search_path', 'a, PG_CATALOG', false)
administer sql.server_function     select set_config(name, 'x', false) from settings
administer sql.server_function     select pg_read_file('/etc/passwd')
administer sql.server_function     select ('/etc/passwd'::text).pg_read_file
administer sql.server_function     select * from pg_ls_dir('.')
administer sql.server_function     select lo_import('/etc/passwd')
administer sql.server_function     select * from public.dblink('host=x', 'select 1') as t(a int)
administer sql.server_function     select pg_terminate_backend(1)
administer sql.server_function     select pg_reload_conf()
administer sql.server_function     select * from pg_logical_slot_get_changes('s', null, null)
administer sql.server_relation     select * from pg_authid
administer sql.server_relation     select usename, passwd from pg_catalog.pg_shadow
administer sql.two_phase           prepare transaction 'x'
administer sql.two_phase           commit prepared 'x'
administer sql.two_phase           rollback prepared 'x'
administer sql.grant               grant select on t to bob
administer sql.grant               revoke all on all tables in schema public from bob cascade
administer sql.grant               grant admins to bob
administer sql.grant               alter default privileges in schema s grant select on tables to bob
administer sql.role                create role bob superuser
administer sql.role                alter role bob password 'x'
administer sql.role                alter role bob rename to eve
administer sql.role                drop role bob
administer sql.role                reassign owned by a to b
administer sql.role                drop owned by a
administer sql.alter_settings      alter role bob set search_path = x
administer sql.alter_settings      alter database d reset all
administer sql.alter_system        alter system set shared_preload_libraries = 'x'
administer sql.extension           create extension dblink
administer sql.extension           drop extension dblink cascade
administer sql.extension           alter extension e update
administer sql.language            create language x handler h
administer sql.language            drop language plpgsql
administer sql.foreign_server      create server s foreign data wrapper w
administer sql.foreign_server      create user mapping for bob server s options (password 'x')
administer sql.foreign_server      drop foreign data wrapper w
administer sql.tablespace          create tablespace t location '/x'
administer sql.replication         create publication p for all tables
administer sql.replication         create subscription s connection 'host=x' publication p
administer sql.security_label      security label on table t is 'x'
administer sql.load                load 'x.so'
administer sql.checkpoint          checkpoint
administer sql.copy_file           copy t to '/tmp/x'
administer sql.copy_file           copy t from '/etc/passwd'
administer sql.copy_program        copy t from program 'id'
administer sql.copy_program        copy (select 1) to program 'curl x'
unrecognised sql.unrecognised      selct 1
unrecognised sql.unrecognised      select 'open
unrecognised sql.unrecognised      /*!50000 select 1 */ /* open
unrecognised sql.unrecognised      select * from t where
`

const rows = table.trim().split('\n').map((line) => {
  const [, kind = '', action = '', text = ''] = /^(\S+)\s+(\S+)\s+(.*)$/.exec(line) ?? []
  return { kind: kind.replace('!', ''), proven: kind.endsWith('!'), action, text }
})

beforeAll(loadRecogniser)

describe('every statement has its class', () => {
  it.each(rows)('$kind $action: $text', ({ kind, proven, action, text }) => {
    const recognition = recognise(text, {})
    expect(recognition.problem === undefined).toBe(kind !== 'unrecognised')
    expect({ class: recognition.class, proven: recognition.provenRead }).toEqual({ class: kind, proven })
    expect(recognition.effects.map((effect) => effect.action)).toContain(action)
  })

  it('covers at least 200 statements and every action but none that has no row', () => {
    expect(rows.length).toBeGreaterThan(200)
    // Inner ones have another that is stricter; whether what is stored is masked, only the masking rules tell.
    const inner = ['sql.prepare', 'sql.declare_cursor', 'sql.copy_masked']
    expect(Object.keys(actions).filter((action) => !inner.includes(action) && !rows.some((row) => row.action === action))).toEqual([])
  })

  it('uses documented actions and facts only, of the documented types', () => {
    for (const { text } of rows) {
      for (const effect of recognise(text, {}).effects) {
        expect(actions).toHaveProperty([effect.action], effect.class)
        for (const [name, value] of Object.entries(effect.facts)) {
          const type = (facts as Record<string, string>)[name]
          expect({ name, type: { boolean: 'boolean', number: 'integer', string: 'string', object: 'strings' }[typeof value as 'string'] }).toEqual({ name, type })
        }
      }
    }
  })

  it('names the operation by its strictest effect', () => {
    for (const { text } of rows) {
      const recognition = recognise(text, {})
      expect(Math.max(...recognition.effects.map((effect) => strictness[effect.class]))).toBe(strictness[recognition.class])
      expect(recognition.effects.find((effect) => effect.action === recognition.action)?.class).toBe(recognition.class)
    }
  })

  it('answers what can be cloned to another thread', () => {
    for (const { text } of rows) {
      const recognition = recognise(text, {})
      expect(structuredClone(recognition)).toEqual(recognition)
    }
  })
})
