import { sql, type Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { projectionTables } from './projection-tables.js'

/** The role that the running service acts as. It reads and adds events, and can't change or remove one. */
export const writerRole = (schema: string): string => `${schema}_writer`

const run = async (db: Kysely<unknown>, statements: readonly string[]): Promise<void> => {
  for (const statement of statements) await sql.raw(statement).execute(db)
}

const tables = [
  `create table events (
    position bigint primary key,
    id uuid not null,
    type text not null,
    session text,
    sequence bigint not null,
    subject text not null,
    source text not null,
    time timestamptz not null,
    stored_at timestamptz not null,
    commitment bytea not null
  )`,
  'create unique index events_session_sequence on events (session, sequence) where session is not null',
  'create unique index events_control_id on events (id) where session is null',
  'create index events_time on events using brin (time)',
  'create table payloads (position bigint primary key, salt bytea not null, body bytea not null)',
  `create table sequencer (
    single boolean primary key default true check (single),
    epoch bigint not null,
    position bigint not null,
    stream_sequence bigint not null,
    stream_created text not null
  )`,
  'insert into sequencer values (true, 0, 0, 0, \'\')',
  `create table session_heads (
    session text primary key,
    proxy text not null,
    sequence bigint not null,
    lost_at bigint,
    ended boolean not null
  ) with (fillfactor = 70)`,
  'create index session_heads_open on session_heads (proxy) where not ended',
  `create table gaps (
    session text not null,
    from_sequence bigint not null,
    to_sequence bigint not null,
    kind text not null,
    opened_at timestamptz not null,
    resolved_at timestamptz,
    resolution text,
    primary key (session, from_sequence)
  )`,
  'create table withheld (session text not null, sequence bigint not null, proxy text not null, body bytea not null, primary key (session, sequence))',
  `create table quarantine (
    number bigint generated always as identity primary key,
    reason text not null,
    detail text not null,
    origin text not null,
    session text,
    sequence bigint,
    position bigint,
    body bytea,
    digest bytea not null,
    at timestamptz not null default now(),
    unique (origin, digest, reason)
  )`,
  'create table projection_checkpoints (name text primary key, position bigint not null)',
]

const refuseChanges = [
  `create function refuse_change() returns trigger language plpgsql as $$
    begin
      raise exception 'the log is append-only: % on % is refused', tg_op, tg_table_name using errcode = 'insufficient_privilege';
    end $$`,
  'create trigger append_only before update or delete or truncate on events for each statement execute function refuse_change()',
]

const roles = (schema: string): string[] => {
  const writer = `"${writerRole(schema)}"`
  return [
    // Roles belong to the whole server, and another database of it may have made this one just now.
    `do $$ begin
      if not exists (select from pg_roles where rolname = '${writerRole(schema)}') then create role ${writer} nologin; end if;
    exception when duplicate_object or unique_violation then null; end $$`,
    // Who made the role may make himself a member; who was made one by somebody else needs nothing.
    `do $$ begin
      execute format('grant ${writer} to %I', current_user);
    exception when insufficient_privilege then null; end $$`,
    `grant usage, create on schema "${schema}" to ${writer}`,
    `grant select, insert on events, payloads, quarantine to ${writer}`,
    `grant select, update on sequencer to ${writer}`,
    `grant select, insert, update on session_heads, gaps, projection_checkpoints to ${writer}`,
    `grant select, insert, delete on withheld to ${writer}`,
    `grant delete on projection_checkpoints to ${writer}`,
  ]
}

/** Names sort in the order in which they run. Run by the owner of the tables. */
export const migrations = (schema: string): Record<string, Migration> => ({
  '0001_events': {
    up: async (db: Kysely<unknown>) => {
      await run(db, tables)
      await run(db, refuseChanges)
      await run(db, roles(schema))
    },
  },
  '0002_projections': {
    up: async (db: Kysely<unknown>) => {
      await run(db, projectionTables(''))
      // Rebuilding makes these tables anew and swaps them, so they belong to the role that does it.
      for (const name of ['sessions', 'commands', 'approvals', 'resolutions']) await run(db, [`alter table ${name} owner to "${writerRole(schema)}"`])
      await run(db, ['insert into projection_checkpoints values (\'current\', 0)'])
    },
  },
})
