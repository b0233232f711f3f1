import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Tables of configuration sets, beside the aggregates' own. */
export interface ConfigurationTables {
  /** One row for each set; its lock puts all writers of the set in line. */
  configuration_revisions: { aggregate: string; revision: number }
  configuration_changes: {
    aggregate: string
    change: string
    state: 'staged' | 'activated' | 'discarded'
    managed_by: 'git' | 'api' | 'generated'
    prune: boolean
    actor: string
    documents: string
    revision: number | null
    staged_at: Date
  }
}

/** Second migration of every service with a configuration set, after the aggregates'. */
export const configurationTables: Migration = {
  up: async (db) => {
    await sql`
      create table configuration_revisions (
        aggregate text primary key,
        revision bigint not null
      )`.execute(db)
    await sql`
      create table configuration_changes (
        aggregate text not null,
        change text not null,
        state text not null check (state in ('staged', 'activated', 'discarded')),
        managed_by text not null,
        prune boolean not null,
        actor text not null,
        documents text not null,
        revision bigint,
        staged_at timestamptz not null default now(),
        primary key (aggregate, change)
      )`.execute(db)
  },
}
