import { beforeAll, describe, expect, it } from '@jest/globals'
import { ParserBrokeError, type PostgresDetail, loadRecogniser, recognise, textBytesMax, unrecognised } from './index.js'

beforeAll(loadRecogniser)

const outcome = (text: string, settings: Record<string, string> = {}): string => {
  const { class: kind, provenRead } = recognise(text, settings)
  return provenRead ? `proven ${kind}` : kind
}

describe('what tries to look harmless', () => {
  it.each<[string, string]>([
    ['a comment of another database', 'select 1 /*!50000 , delete from t */'],
    ['a comment that nests', '/* /* */ delete from t */ select 1'],
    ['a line comment that ends at a carriage return', 'select 1 -- x\r; select 2'],
  ])('%s stays a comment, as the target reads it', (_, text) => {
    expect(outcome(text)).toBe('proven read')
  })

  it.each<[string, string, string]>([
    ['a second statement', 'select 1; drop table t', 'schema'],
    ['a second statement after a comment', 'select 1 /* ; */ ; /* */ delete from t', 'write'],
    ['a statement behind a nested comment', '/* /* */ */ delete from t', 'write'],
    ['a statement behind a dollar-quoted string', 'select $a$ $$ ; $a$; delete from t', 'write'],
    ['a write in a CTE of a subquery of a CTE', 'with a as (select (with b as (update t set x = 1 returning 1) select 1 from b)) select * from a', 'write'],
    ['a write in a set operation', 'select 1 union all (with d as (delete from t returning 1) select 1 from d)', 'write'],
    ['a write behind INTO', 'select * into strict from t', 'schema'],
    ['an explain option given twice', 'explain (analyze false, analyze) delete from t', 'write'],
    ['an explain option quoted', 'explain ("analyze" true) delete from t', 'write'],
    ['a call in attribute notation', "select ('s'::regclass).nextval", 'execute'],
    ['a call in attribute notation of a function in FROM', "select s.nextval from regclass('s') s", 'execute'],
    ['a file in attribute notation of a function in FROM', "select s.pg_read_file from lower('/etc/passwd') as s", 'administer'],
    ['a call in attribute notation of a function in FROM without an alias', "select lower.pg_sleep from lower('1')", 'execute'],
    ['a call in attribute notation of a function in an outer FROM', "select (select s.pg_notify) from abs(1) s(a)", 'execute'],
    ['a call in attribute notation of a cast function in ROWS FROM', "select 1 from rows from (int4('1')) with ordinality as s where s.pg_terminate_backend", 'administer'],
    ['passwords of other servers', 'select umoptions from pg_user_mappings', 'administer'],
    ['a call in attribute notation of a parameter', 'select $1.my_function', 'execute'],
    ['a call by its Unicode name', String.raw`select U&"\0070g_read_file"('/etc/passwd')`, 'administer'],
    ['a schema by its Unicode name', String.raw`select U&"p\0075blic".lower('x')`, 'execute'],
    ['a call in a default', 'create table t (a int default pg_terminate_backend(1))', 'administer'],
    ['a call in a filter', 'select count(*) filter (where my_function()) from t', 'execute'],
    ['a call in a window', 'select sum(a) over (partition by my_function() rows between my_function() preceding and current row) from t', 'execute'],
    ['a call in a VALUES of a join', 'select * from t join (values (my_function())) v on true', 'execute'],
    ['a call in an index', 'create index on t (my_function(a))', 'schema'],
    ['a call in ON CONFLICT', 'insert into t values (1) on conflict ((my_function(a))) do nothing', 'execute'],
    ['a call in an argument of CALL', 'call p(pg_read_file($$x$$))', 'administer'],
    ['a call in an argument of EXECUTE', 'execute p(pg_read_file($$x$$))', 'administer'],
    ['a call in TABLESAMPLE', 'select * from t tablesample system (my_function())', 'execute'],
    ['a call as a named argument', 'select lower(str => my_function())', 'execute'],
    ['a call in XMLTABLE', "select * from xmltable('/' passing my_function() columns a int)", 'execute'],
    ['a call in JSON_TABLE', "select * from json_table(my_function(), '$' columns (a int)) x", 'execute'],
    ['a call in GROUPING SETS', 'select 1 from t group by grouping sets ((my_function()))', 'execute'],
    ['a call in FETCH FIRST', 'select 1 fetch first (my_function()) rows only', 'execute'],
    ['a role by set_config', "select 1 from t where set_config('role', 'postgres', false) <> ''", 'administer'],
    ['data put into a harmless setting', "select set_config('application_name', email, false) from customers", 'administer'],
    ['a setting by named arguments', "select set_config(setting_name => 'role', new_value => 'x', is_local => false)", 'administer'],
    ['a setting quoted', `set "Role" = 'postgres'`, 'administer'],
    ['a catalog table behind an alias', 'select x.* from pg_authid x', 'administer'],
    ['a locking read in a subquery', 'select * from (select * from t for share) x', 'write'],
  ])('%s', (_, text, expected) => {
    expect(outcome(text)).toBe(expected)
  })

  it.each([
    'select g.g, g.i from generate_series(1, 3) g(i)', "select e.key, e.value from json_each('{}') e", 'select k.attnum, k.ordinality from unnest($1::int2[]) with ordinality as k(attnum)',
    "select r.a from json_to_record('{}') as r(a int)", 'select a.grantee, a.privilege_type from pg_class c, aclexplode(c.relacl) a', 'select s.upper from lower($1) s',
    'select (information_schema._pg_expandarray(i.indkey)).n from pg_index i', 'select x.n from information_schema._pg_expandarray($1) x',
  ])('columns of functions in FROM stay columns: %s', (text) => {
    expect(outcome(text)).toBe('proven read')
  })

  it('does not take unqualified names for built-in ones when the search path puts pg_catalog behind', () => {
    for (const path of ['public, pg_catalog', '"$user", public, "pg_catalog"', 'pg_temp,PG_CATALOG']) {
      expect(outcome('select lower(a) from t', { search_path: path })).toBe('execute')
      expect(outcome('select a + 1 from t', { search_path: path })).toBe('execute')
      expect(outcome("select '1'::text", { search_path: path })).toBe('execute')
      expect(outcome('select pg_catalog.lower(a) from t', { search_path: path })).toBe('proven read')
      expect(outcome("select set_config('work_mem', '1MB', false)", { search_path: path })).toBe('administer')
    }
    for (const path of ['', 'public', '"$user", public', 'pg_catalog, public']) expect(outcome('select lower(a) + 1 from t', { search_path: path })).toBe('proven read')
  })

  it('takes a function for built in only from the version on that has it', () => {
    expect(outcome('select uuidv7()')).toBe('execute')
    expect(outcome('select uuidv7()', { server_version: '17.2 (Debian 17.2-1)' })).toBe('execute')
    expect(outcome('select uuidv7()', { server_version: '18.4' })).toBe('proven read')
    expect(outcome('select pg_catalog.uuidv7()')).toBe('proven read')
  })
})

describe('texts that the target would read differently', () => {
  it.each<[string, string, Record<string, string>]>([
    ['a NUL byte, where the parser stops', 'select 1\0; drop table t', {}],
    ['a lone surrogate', 'select \ud800', {}],
    ['a backslash in a plain string with standard_conforming_strings off', String.raw`select 'a\'; delete from t; --'`, { standard_conforming_strings: 'off' }],
    ['a Unicode string with standard_conforming_strings off', String.raw`select U&'\0061'`, { standard_conforming_strings: 'off' }],
    ['an unreadable text with standard_conforming_strings off', String.raw`select 'a\' from 'x`, { standard_conforming_strings: 'off' }],
    ['characters in another encoding', "select 'é'", { client_encoding: 'SJIS' }],
  ])('%s: unrecognised', (_, text, settings) => {
    expect(recognise(text, settings)).toMatchObject({ class: 'unrecognised', provenRead: false, alwaysAllowed: false, problem: expect.any(String) })
  })

  it('reads them where both readings are the same', () => {
    expect(outcome(String.raw`select E'a\'b' || 'c'`, { standard_conforming_strings: 'off' })).toBe('proven read')
    expect(outcome(String.raw`select 'a\'`, { standard_conforming_strings: 'on' })).toBe('proven read')
    expect(outcome("select 'é'", { client_encoding: 'utf-8' })).toBe('proven read')
    expect(outcome("select 'e'", { client_encoding: 'SJIS' })).toBe('proven read')
  })
})

describe('an unrecognised text', () => {
  it('says why without quoting the text', () => {
    const { problem } = recognise(`select 'a' "alice@example.com" hunter2 hunter2 "x`, {})
    expect(problem).toMatch(/^(syntax error|unterminated)/)
    for (const secret of ['alice', 'hunter2']) expect(problem).not.toContain(secret)
    expect(recognise('select hunter2 hunter3 hunter4', {}).problem).toBe('syntax error at or near "…" (character 24)')
  })

  it('is keyed by its text, hides it and reads everything', () => {
    const stand = unrecognised('sélect', 'took too long')
    expect(stand).toMatchObject({ class: 'unrecognised', problem: 'took too long', literals: [[0, 7]], touches: { everything: true, opaque: true }, detail: { statements: [] } })
    expect(stand.fingerprint).not.toBe(unrecognised('sélect ', 'took too long').fingerprint)
    expect(stand.fingerprint).toBe(unrecognised('sélect', 'another').fingerprint)
  })
})

describe('fingerprints', () => {
  it('are the same for texts that differ in constants, and only for them', () => {
    const of = (text: string): string => recognise(text, {}).fingerprint
    expect(of('select a from t where b = 1')).toMatch(/^pg:[0-9a-f]{16}$/)
    expect(of('select a from t where b = 1')).toBe(of('SELECT a FROM t WHERE b = 2 -- x'))
    expect(of('select a from t where b = 1')).not.toBe(of('select a from u where b = 1'))
    expect(of('select 1; select 2')).not.toBe(of('select 1'))
    expect(of('')).not.toBe(of(' '))
  })
})

describe('texts made to hurt', () => {
  const calm = (text: string): string => {
    try {
      return outcome(text)
    } catch (error) {
      // The worker is replaced; the host answers for it.
      expect(error).toBeInstanceOf(ParserBrokeError)
      return 'broke'
    }
  }

  it.each<[string, string, readonly string[]]>([
    ['20,000 terms', `select ${Array(20_000).fill('1').join(' + ')}`, ['broke', 'proven read', 'unrecognised']],
    ['20,000 conditions', `select 1 from t where ${Array(20_000).fill('a = 1').join(' or ')}`, ['proven read']],
    ['20,000 list items', `select 1 from t where a in (${Array(20_000).fill('1').join(',')})`, ['proven read']],
    ['20,000 rows with a write at the end', `insert into t values ${Array(20_000).fill("(1, 'a')").join(',')}, ((select nextval('s')))`, ['execute', 'unrecognised']],
    ['deep parentheses', `select ${'('.repeat(3000)}1${')'.repeat(3000)}`, ['proven read']],
    ['deeper parentheses', `select ${'('.repeat(100_000)}1${')'.repeat(100_000)}`, ['unrecognised', 'broke']],
    ['nested subqueries', `select ${'(select '.repeat(500)}nextval('s')${')'.repeat(500)}`, ['execute', 'broke']],
    ['20,000 statements', 'select 1;'.repeat(20_000), ['proven read']],
    ['more effects than are judged at once', Array.from({ length: 65 }, (_, index) => `delete from t${index}`).join(';'), ['unrecognised']],
    ['more names than are judged at once', `select 1 from ${Array.from({ length: 1001 }, (_, index) => `t${index}`).join(',')}`, ['unrecognised']],
    ['more tokens than are parsed', `select ${Array(150_000).fill('1').join(',')}`, ['unrecognised']],
    ['a text over the limit', `select '${'x'.repeat(textBytesMax)}'`, ['unrecognised']],
    ['a large text', `select '${'x'.repeat(textBytesMax - 100)}'`, ['proven read']],
  ])('%s', (_, text, allowed) => {
    expect(allowed).toContain(calm(text))
    expect(outcome('select 1')).toBe('proven read')
  })

  it('finds what is at the bottom of a deep tree', () => {
    const text = `select ${Array(900).fill('1').join(' + ')} + nextval('s')`
    expect(outcome(text)).toBe('execute')
    expect((recognise(text, {}).detail as PostgresDetail).statements).toHaveLength(1)
  })
})
