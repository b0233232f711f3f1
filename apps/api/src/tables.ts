import { configurationTables, type ConfigurationTables } from '@sallyport/configuration'
import type { Principal } from '@sallyport/contracts/identity'
import { aggregateTables, outboxConfirmation, type AggregateTables } from '@sallyport/persistence'
import { sql, type ColumnType, type Generated, type GeneratedAlways } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Session credentials by the digest of their text; the text itself is kept nowhere. */
export interface CredentialRow {
  sha256: string
  id: string
  connection: string
  principal: ColumnType<Principal, string, never>
  expires_at: Date
  revoked_at: Date | null
}

/** What a POST with an Idempotency-Key was answered; `status` null: not answered yet. */
export interface IdempotencyRow {
  uid: string
  key: string
  digest: string
  status: number | null
  body: string | null
  /** The answer was a secret, shown once and not kept. */
  shown_once: Generated<boolean>
  made_at: GeneratedAlways<Date>
}

/** A change of the configuration that every service has staged and agreed to: it is put in force, whatever happens. */
export interface ChangeRow {
  change: string
  actor: string
  began_at: Date
}

/** What was learned of a connection's target; `target` is `host:port`. */
export interface LearnedRow {
  connection: string
  target: string
  name: string
  value: string
  learned_at: GeneratedAlways<Date>
}

export interface Tables extends AggregateTables, ConfigurationTables {
  session_credentials: CredentialRow
  idempotency_keys: IdempotencyRow
  changes: ChangeRow
  learned: LearnedRow
}

const apiTables: Migration = {
  up: async (db) => {
    await sql`
      create table session_credentials (
        sha256 text primary key,
        id text not null unique,
        connection text not null,
        principal jsonb not null,
        expires_at timestamptz not null,
        revoked_at timestamptz
      )`.execute(db)
    await sql`create index session_credentials_expiry on session_credentials (expires_at)`.execute(db)
    await sql`
      create table idempotency_keys (
        uid text not null,
        key text not null,
        digest text not null,
        status integer,
        body text,
        shown_once boolean not null default false,
        made_at timestamptz not null default now(),
        primary key (uid, key)
      )`.execute(db)
    await sql`create index idempotency_keys_age on idempotency_keys (made_at)`.execute(db)
    await sql`
      create table changes (
        change text primary key,
        actor text not null,
        began_at timestamptz not null
      )`.execute(db)
  },
}

const learnedTable: Migration = {
  up: async (db) => {
    await sql`
      create table learned (
        connection text not null,
        target text not null,
        name text not null,
        value text not null,
        learned_at timestamptz not null default now(),
        primary key (connection, target, name)
      )`.execute(db)
  },
}

export const migrations = { '0001_aggregates': aggregateTables, '0002_configuration': configurationTables, '0003_api': apiTables, '0004_outbox': outboxConfirmation, '0005_learned': learnedTable }
