import { configurationTables, type ConfigurationTables } from '@sallyport/configuration'
import { aggregateTables, outboxConfirmation, type AggregateTables } from '@sallyport/persistence'
import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/**
 * Keys of the keyed hash. The highest version is in use; a new version makes hashes that don't join with older ones. The key is a
 * secret of the service: whoever has it can try candidates against hashes.
 */
export interface KeyTables {
  keys: { version: number; key: Buffer; made_at: Date }
}

const keyTable: Migration = {
  up: async (db) => {
    await sql`
      create table keys (
        version integer primary key,
        key bytea not null check (length(key) = 32),
        made_at timestamptz not null default now()
      )`.execute(db)
  },
}

export type Tables = AggregateTables & ConfigurationTables & KeyTables

export const migrations = { '0001_aggregates': aggregateTables, '0002_configuration': configurationTables, '0003_keys': keyTable, '0004_outbox': outboxConfirmation }
