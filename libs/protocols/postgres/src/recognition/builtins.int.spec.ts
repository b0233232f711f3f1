import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { freshDatabase } from '@sallyport/testing'
import pg from 'pg'
import { builtinOperators, builtinTypes, functionKind, harmlessFunctions, wholeRowFunctions } from './builtin-functions.js'
import { type PostgresDetail, loadRecogniser, recognise } from './index.js'

/** Volatile ones that were looked at one by one: they read the clock, randomness, sizes, or the state of recovery. */
const reviewed = new Set(`
clock_timestamp timeofday current_query gen_random_uuid random random_normal array_sample array_shuffle uuidv4 uuidv7 pg_blocking_pids
pg_safe_snapshot_blocking_pids pg_database_size pg_indexes_size pg_relation_size pg_table_size pg_tablespace_size pg_total_relation_size
pg_is_in_recovery pg_is_wal_replay_paused pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp pg_current_wal_lsn
pg_current_wal_insert_lsn pg_current_wal_flush_lsn pg_partition_ancestors pg_partition_tree pg_notification_queue_usage pg_jit_available
pg_xact_commit_timestamp pg_xact_status txid_status pg_sequence_last_value pg_get_sequence_data pg_collation_actual_version
pg_database_collation_actual_version`.trim().split(/\s+/))

let client: pg.Client

beforeAll(async () => {
  await loadRecogniser()
  client = new pg.Client({ connectionString: await freshDatabase() })
  await client.connect()
})
afterAll(() => client.end())

const rows = async <T extends pg.QueryResultRow>(text: string): Promise<readonly T[]> => (await client.query<T>(text)).rows

describe('the lists of built-in things, against a real catalog', () => {
  it('holds functions of pg_catalog only, none volatile that was not reviewed, none that runs as its owner', async () => {
    const catalog = await rows<{ name: string; volatile: boolean; definer: boolean }>(`select proname as name, bool_or(provolatile = 'v') as volatile, bool_or(prosecdef) as definer
      from pg_proc where pronamespace = 'pg_catalog'::regnamespace group by 1`)
    const known = new Map(catalog.map((row) => [row.name, row]))
    expect([...harmlessFunctions.keys()].filter((name) => !known.has(name))).toEqual([])
    expect([...harmlessFunctions.keys()].filter((name) => known.get(name)?.volatile === true && !reviewed.has(name))).toEqual([])
    expect([...harmlessFunctions.keys()].filter((name) => known.get(name)?.definer === true)).toEqual([])
    expect([...reviewed].filter((name) => functionKind([name], { unqualified: true, version: 99 }) !== 'harmless')).toEqual([])
  })

  it('holds types and operators of pg_catalog only', async () => {
    const types = new Set((await rows<{ name: string }>("select typname as name from pg_type where typnamespace = 'pg_catalog'::regnamespace")).map((row) => row.name))
    expect([...builtinTypes].filter((name) => !types.has(name))).toEqual([])
    const operators = new Set((await rows<{ name: string }>("select oprname as name from pg_operator where oprnamespace = 'pg_catalog'::regnamespace")).map((row) => row.name))
    // The scanner itself turns != into <>.
    expect([...builtinOperators].filter((name) => !operators.has(name) && name !== '!=')).toEqual([])
  })

  it('knows every function that shows a whole row when it is written like a column', async () => {
    await client.query("create table whole (id int, email text); insert into whole values (1, 'x@y')")
    const candidates = await rows<{ name: string }>(`select distinct proname as name from pg_proc where pronamespace = 'pg_catalog'::regnamespace and pronargs > 0
      and proargtypes[0] in ('anyelement'::regtype, '"any"'::regtype, 'record'::regtype, 'anycompatible'::regtype, 'anynonarray'::regtype, 'anycompatiblenonarray'::regtype)`)
    const showing: string[] = []
    for (const { name } of candidates) {
      const answer = await client.query({ text: `select whole.${name} from whole`, rowMode: 'array' }).catch(() => undefined)
      if (JSON.stringify(answer?.rows ?? []).includes('x@y')) showing.push(name)
    }
    expect(showing.length).toBeGreaterThan(5)
    expect(showing.filter((name) => !wholeRowFunctions.has(name))).toEqual([])
  })
})

describe('the parser and the server read alike', () => {
  const texts = [
    'select 1; select 2;; select 3', "select 'a;b'; select $$;$$; select $a$;$b$;$a$", 'select 1 /* ; /* ; */ ; */; select 2', "select E'\\';'; select 2", 'select ";" from (select 1 as ";") x; select 2',
    "select 'a'\n';'; select 1", 'select 1 -- ;\n; select 2', "select U&'\\003b;'; select 1", 'begin; rollback', "prepare p as select ';'; execute p; deallocate p", "select 'é;'; select 1", '', ';', '-- x',
  ]
  it.each(texts)('%j has as many statements', async (text) => {
    const answer = await client.query(text) as unknown as pg.QueryResult | readonly pg.QueryResult[]
    const results = (Array.isArray(answer) ? answer : [answer]) as readonly pg.QueryResult[]
    const count = results.filter((result) => result.command !== null).length
    expect((recognise(text, {}).detail as PostgresDetail).statements).toHaveLength(count)
  })

  it.each(['selct 1', "select 'open", 'select 1 from', 'delete from t where', 'select 1 1', '/* open', 'select $$open', 'create', 'select (1'])('%j is a syntax error for both', async (text) => {
    expect(recognise(text, {}).class).toBe('unrecognised')
    await expect(client.query(text)).rejects.toMatchObject({ code: '42601' })
  })
})
