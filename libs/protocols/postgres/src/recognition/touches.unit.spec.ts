import { beforeAll, describe, expect, it } from '@jest/globals'
import { loadRecogniser, recognise } from './index.js'

beforeAll(loadRecogniser)

const touches = (text: string) => recognise(text, {}).touches
const relations = (text: string): readonly string[] => touches(text).relations.map(({ schema, name }) => schema === null ? name : `${schema}.${name}`).sort()

describe('what a statement touches, for masking', () => {
  it.each([
    'select email from customers',
    'select reverse(email) from customers',
    "select encode(convert_to(c.email, 'utf8'), 'hex') as x from customers c",
    "select substr(email, 1, 1), substr(email, 2, 1) from customers",
    'select x.y from (select email as y from customers) x',
    'with x as (select email from customers) select * from x',
    "select 1 from customers where email like 'a%'",
    'select 1 from customers order by email',
    'select 1 from a join customers using (email)',
    'select (select email from customers limit 1)',
    'select 1 limit (select length(email) from customers)',
    'values ((select email from customers))',
    'insert into t select email from customers',
    'insert into customers (email) values (1)',
    'insert into customers values (1) on conflict (email) do nothing',
    'update customers set email = $1',
    'update t set a = (select email from customers)',
    'delete from customers returning email',
    'merge into t using customers c on t.id = c.id when matched then update set a = c.email',
    'copy customers (email) to stdout',
    'copy (select email from customers) to stdout',
    'copy customers (email) from stdin',
    'prepare p as select email from customers',
    'declare c cursor for select email from customers',
    'explain select email from customers',
    'create table t as select email from customers',
    'create view v as select email from customers',
    'select (customers).email from customers',
    'select max(email) over (partition by email) from customers group by email having email > $1',
    'select array(select email from customers), row(customers.email) from customers',
    "select case when email = 'x' then 1 end, email in ('a') from customers",
    "select f.a from customers, lateral (select email) f(a)",
    "select xmlelement(name x, email) from customers",
    'select json_object(1: email) from customers',
    'create index on customers (email)',
    'select 1; select email from customers',
  ])('%s: the column and its relation', (text) => {
    expect(touches(text).columns).toContain('email')
    expect(relations(text)).toContain('customers')
  })

  it.each([
    'select * from customers', 'select c.* from customers c', 'table customers', 'select c from customers c', 'select customers from customers',
    'select row_to_json(c) from customers c', 'select c.to_json from customers c', 'select c::text from customers c', 'select (c).to_jsonb from customers c',
    'select a from customers as c(a, b)', 'select 1 from a natural join customers', 'copy customers to stdout', 'copy customers from stdin',
    'delete from customers returning *', 'with x as (select * from customers) select a from x', 'select j from (a join customers using (id)) as j',
    'select (row(c.*)).f2 from customers c', 'select array_agg(c) from customers c', 'select json_agg(x) from (select email from customers) x',
    'update customers set a = 1 returning old', 'insert into customers values (1) returning new', 'select count(c) from customers c',
  ])('%s: everything', (text) => {
    expect(touches(text).everything).toBe(true)
  })

  it.each([
    'select my_function(1)', 'do $$ $$', 'call p()', 'execute p', 'fetch c', "select query_to_xml('select * from customers', true, true, '')",
    "select 'x'::mood", 'select 1 operator(s.+) 2', 'select * from pg_stats', 'select * from pg_catalog.pg_statistic', 'select * from pg_toast.pg_toast_1',
    'select most_common_vals from pg_catalog.pg_stats', 'select query from pg_stat_activity', "select (email).my_function from customers", 'not sql',
  ])('%s: opaque', (text) => {
    expect(touches(text).opaque).toBe(true)
  })

  it('says no more than is there', () => {
    expect(touches('select id, upper(name) as email from public.orders o where total > 5')).toEqual({
      relations: [{ schema: 'public', name: 'orders' }], columns: ['id', 'name', 'total'], everything: false, opaque: false,
    })
    expect(touches('select count(*) from orders')).toEqual({ relations: [{ schema: null, name: 'orders' }], columns: [], everything: false, opaque: false })
    expect(touches('begin')).toEqual({ relations: [], columns: [], everything: false, opaque: false })
    expect(relations('select 1 from t x for update of x')).toEqual(['t'])
  })
})

describe('literals, hidden in the log where masked data is touched', () => {
  const literals = (text: string): readonly string[] => {
    const bytes = Buffer.from(text)
    return recognise(text, {}).literals.map(([from, to]) => bytes.toString('utf8', from, to))
  }

  it.each<[string, readonly string[]]>([
    ["select 'a', 'it''s', 'é' || 'ü'", ["'a'", "'it''s'", "'é'", "'ü'"]],
    ["select é from t where x = 'y'", ["'y'"]],
    [String.raw`select E'a\'b', e'\\'`, [String.raw`E'a\'b'`, String.raw`e'\\'`]],
    [String.raw`select U&'d\0061', u&'x'`, [String.raw`U&'d\0061'`, "u&'x'"]],
    ["select $$a 'b' c$$, $tag$ $$ $tag$", ["$$a 'b' c$$", '$tag$ $$ $tag$']],
    ["select B'101', X'1f', n'x'", ["B'101'", "X'1f'", "'x'"]],
    ["select 'a'\n'b'", ["'a'\n'b'"]],
    ['select 4111111111111111, 123, 4111_1111_1111_1111, $1', ['4111111111111111', '4111_1111_1111_1111']],
    ["select 'a' frm t whre 'b'", ["'a'", "'b'"]],
    ["insert into t values ('secret') on", ["'secret'"]],
    ["select 'open", ["select 'open"]],
    ["/* open 'x'", ["/* open 'x'"]],
    ['select 1', []],
    ['', []],
  ])('%s', (text, expected) => {
    expect(literals(text)).toEqual(expected)
  })
})
