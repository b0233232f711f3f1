import { beforeAll, describe, expect, it } from '@jest/globals'
import type { Facts } from '@sallyport/protocol-kit'
import { type PostgresDetail, loadRecogniser, recognise } from './index.js'

beforeAll(loadRecogniser)

const factsOf = (text: string, action: string): readonly Facts[] =>
  recognise(text, {}).effects.filter((effect) => effect.action === action).map((effect) => effect.facts)

const statements = (text: string): PostgresDetail['statements'] => (recognise(text, {}).detail as PostgresDetail).statements

describe('facts for policies', () => {
  it.each([
    ['delete from t where id = 1', true],
    ['delete from t where current of c', true],
    ['delete from t where id in (select id from u)', true],
    ['delete from t using u where t.id = u.id', true],
    ['delete from t where id = 1 and true', true],
    ['delete from t where not (id = 1 or false)', true],
    ['delete from t where id <> id', true],
    ['delete from t', false],
    ['delete from t where true', false],
    ['delete from t where 1 = 1', false],
    ["delete from t where 'a' = 'a' and length('x') = 1", false],
    ['delete from t where id = id', false],
    ['delete from t where t.id >= id', false],
    ['delete from t where id = 1 or true', false],
    ['delete from t where not (id <> id)', false],
    ['delete from t where not (id = 1 and false)', false],
    ['delete from t where random() < 2', false],
    ['delete from t where $1', false],
    ['delete from t where now() > $1', false],
    [`delete from t where ${'not ('.repeat(40)}id = 1${')'.repeat(40)}`, false],
  ])('%s: hasWhere %s', (text, hasWhere) => {
    expect(factsOf(text, 'sql.delete')).toMatchObject([{ hasWhere }])
    expect(factsOf(text.replace('delete from t', 'update t set a = 1').replace('using', 'from'), 'sql.update')).toMatchObject([{ hasWhere }])
  })

  it('names relations as the parser resolves them', () => {
    expect(factsOf('select * from Public.Customers, "Orders", pg_catalog.pg_class', 'sql.select'))
      .toMatchObject([{ tables: ['Orders', 'pg_catalog.pg_class', 'public.customers'], schemas: ['pg_catalog', 'public'], joins: true }])
    expect(factsOf('drop table a, s."B" cascade', 'sql.drop')).toMatchObject([{ objectKind: 'table', tables: ['a', 's.B'], objects: ['a', 's.B'], schemas: ['s'], cascade: true }])
    expect(factsOf('truncate a, s.b', 'sql.truncate')).toMatchObject([{ tables: ['a', 's.b'], hasWhere: false }])
  })

  it('keeps names of common table expressions out where they are in scope, and only there', () => {
    const tables = (text: string): unknown => factsOf(text, 'sql.select')[0]?.['tables']
    expect(tables('with customers as (select 1) select * from customers')).toEqual([])
    expect(tables('with customers as (select * from customers) select * from customers')).toEqual(['customers'])
    expect(tables('with recursive customers as (select 1 union select * from customers) select * from customers')).toEqual([])
    expect(tables('with a as (select * from b), b as (select 1) select * from a, b')).toEqual(['b'])
    expect(tables('with customers as (select 1) select * from public.customers')).toEqual(['public.customers'])
    expect(tables('select * from (with customers as (select 1) select * from customers) x, customers')).toEqual(['customers'])
    expect(factsOf('with t as (select 1) delete from t', 'sql.delete')).toMatchObject([{ tables: ['t'] }])
  })

  it('tells the columns read and written, limits, returned rows', () => {
    expect(factsOf('select c.email, upper(name) from customers c where ssn like $1 limit 5', 'sql.select'))
      .toMatchObject([{ columns: ['email', 'name', 'ssn'], allColumns: false, hasLimit: true, hasWhere: true }])
    expect(factsOf('select * from t limit null', 'sql.select')).toMatchObject([{ allColumns: true, hasLimit: false }])
    expect(factsOf('insert into t (a, b) select x, y from u returning a', 'sql.insert')).toMatchObject([{ columns: ['a', 'b'], hasReturning: true }])
    expect(factsOf('insert into t (a, b) select x, y from u', 'sql.select')).toMatchObject([{ columns: ['x', 'y'], tables: ['u'] }])
    expect(factsOf('update t set a = 1, b = 2', 'sql.update')).toMatchObject([{ columns: ['a', 'b'], tables: ['t'] }])
  })

  it('asks for a read where PostgreSQL asks for SELECT', () => {
    expect(factsOf('update t set a = 1', 'sql.select')).toEqual([])
    expect(factsOf('update t set a = 1 where id = 2', 'sql.select')).toMatchObject([{ tables: ['t'] }])
    expect(factsOf('delete from t returning id', 'sql.select')).toMatchObject([{ tables: ['t'] }])
    expect(factsOf('insert into t values (1)', 'sql.select')).toEqual([])
  })

  it('describes schema changes, grants, settings, locks', () => {
    expect(factsOf('alter table t drop column a, add column b int', 'sql.alter')).toMatchObject([{ alterations: ['add column', 'drop column'], tables: ['t'] }])
    expect(factsOf('create index concurrently i on s.t (a)', 'sql.create')).toMatchObject([{ objectKind: 'index', concurrently: true, tables: ['s.t'], schemas: ['s'] }])
    expect(factsOf('create function f() returns int language plpgsql as $$ $$', 'sql.create')).toMatchObject([{ objectKind: 'function', language: 'plpgsql', objects: ['f'] }])
    expect(factsOf('drop trigger g on s.t', 'sql.drop')).toMatchObject([{ objectKind: 'trigger', tables: ['s.t'] }])
    expect(factsOf('grant select, insert on s.t to bob, public', 'sql.grant')).toMatchObject([{ privileges: ['insert', 'select'], roles: ['bob', 'public'], tables: ['s.t'] }])
    expect(factsOf('grant all on all tables in schema s to bob', 'sql.grant')).toMatchObject([{ privileges: ['all'], schemas: ['s'] }])
    expect(factsOf('SET Work_Mem = 1', 'sql.set')).toMatchObject([{ settings: ['work_mem'] }])
    expect(factsOf('set role bob', 'sql.set_role')).toMatchObject([{ roles: ['bob'] }])
    expect(factsOf('lock t in share mode', 'sql.lock')).toMatchObject([{ lockMode: 'share', tables: ['t'] }])
    expect(factsOf('select * from t for no key update', 'sql.lock')).toMatchObject([{ lockMode: 'for no key update', tables: ['t'] }])
    expect(factsOf('explain analyze select 1', 'sql.explain')).toMatchObject([{ explainAnalyze: true }])
    expect(factsOf("copy t to '/tmp/x'", 'sql.copy_file')).toMatchObject([{ file: '/tmp/x' }])
    expect(factsOf('call s.p(1)', 'sql.call')).toMatchObject([{ functions: ['s.p'] }])
  })

  it('judges a batch whole', () => {
    const recognition = recognise('select 1; delete from t; select 1', {})
    expect(recognition).toMatchObject({ class: 'write', action: 'sql.delete', provenRead: false, alwaysAllowed: false })
    expect(recognition.effects.map((effect) => effect.action)).toEqual(['sql.select', 'sql.delete'])
    for (const effect of recognition.effects) expect(effect.facts['statementCount']).toBe(3)
  })

  it('always allows what only undoes', () => {
    for (const text of ['rollback', 'ROLLBACK TO a', 'abort; rollback', 'rollback and chain']) expect(recognise(text, {}).alwaysAllowed).toBe(true)
    for (const text of ['', 'commit', 'rollback; select 1', 'rollback prepared $$x$$', 'begin', 'release a']) expect(recognise(text, {}).alwaysAllowed).toBe(false)
  })
})

describe('what the session needs to know', () => {
  it.each<[string, object]>([
    ['begin', { transaction: 'begin' }],
    ['end', { transaction: 'commit' }],
    ['rollback to a', { transaction: 'rollback-to' }],
    ['prepare transaction $$x$$', { transaction: 'prepare' }],
    ['PREPARE "P" (int, numeric(10,2)) AS /* as */ select $1 ', { kind: 'PrepareStmt', prepares: { name: 'P', text: '/* as */ select $1' } }],
    ['execute p(1)', { executes: 'p' }],
    ['explain analyze execute p', { executes: 'p' }],
    ['create table t as execute p', { executes: 'p', changesCatalog: true }],
    ['deallocate p', { deallocates: 'p' }],
    ['deallocate all', { deallocatesAll: true }],
    ['discard all', { deallocatesAll: true, sets: ['all'], cursor: { closesAll: true } }],
    ['declare c cursor for select 1', { cursor: { declares: 'c' } }],
    ['fetch next in "C"', { cursor: { fetches: 'C' } }],
    ['close c', { cursor: { closes: 'c' } }],
    ['close all', { cursor: { closesAll: true } }],
    ['copy t from stdin', { copy: 'in', writes: true }],
    ['copy (select 1) to stdout', { copy: 'out', writes: false }],
    ['copy t to $$/x$$', { copy: 'file' }],
    ['copy t to program $$x$$', { copy: 'program' }],
    ['set DateStyle = iso', { sets: ['datestyle'], writes: false }],
    ['set session characteristics as transaction isolation level serializable', { sets: ['default_transaction_isolation'] }],
    ["select set_config('work_mem', '1MB', true)", { sets: ['work_mem'] }],
    ['reset all', { sets: ['all'] }],
    ['alter table t rename to u', { changesCatalog: true, writes: true }],
    ['do $$ begin end $$', { changesCatalog: true, writes: true }],
    ['select * from t for update', { changesCatalog: false, writes: true }],
    ['select 1', { kind: 'SelectStmt', changesCatalog: false, writes: false }],
  ])('%s', (text, expected) => {
    expect(statements(text)).toMatchObject([expected])
  })

  it('keeps statements apart, in order', () => {
    expect(statements("prepare a as select 'é'; prepare b as delete from t ; execute a")).toMatchObject([
      { prepares: { name: 'a', text: "select 'é'" } }, { prepares: { name: 'b', text: 'delete from t' } }, { executes: 'a' },
    ])
    expect(statements('')).toEqual([])
  })
})
