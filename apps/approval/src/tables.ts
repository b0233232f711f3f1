import type { ApprovalStatus } from '@sallyport/contracts/approval'
import { aggregateTables, outboxConfirmation, type AggregateTables } from '@sallyport/persistence'
import { sql, type ColumnType } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { ApprovalState } from './approval.js'

type Json<T> = ColumnType<T, string, string>

/** Current state of every approval: a projection of the events, written in their transaction, and never a source of decisions. */
export interface ApprovalsTable {
  id: string
  command: string
  uid: string
  digest: string
  mode: 'hold' | 'park'
  status: ApprovalStatus
  deadline: Date
  /** Everybody who is behind the request. */
  interested: string[]
  /** The groups whose people are needed. */
  groups: string[]
  state: Json<ApprovalState>
}

export type Tables = AggregateTables & { approvals: ApprovalsTable }

const approvals: Migration = {
  up: async (db) => {
    await sql`
      create table approvals (
        id text collate "C" primary key,
        command text not null,
        uid text not null,
        digest text not null,
        mode text not null,
        status text not null,
        deadline timestamptz not null,
        interested text[] not null,
        groups text[] not null,
        state jsonb not null
      )`.execute(db)
    await sql`create unique index approvals_command on approvals (command)`.execute(db)
    await sql`create index approvals_status on approvals (status, id desc)`.execute(db)
    await sql`create index approvals_open on approvals (deadline) where status in ('requested', 'approved')`.execute(db)
    await sql`create index approvals_open_of on approvals (uid, digest) where status in ('requested', 'approved')`.execute(db)
    await sql`create index approvals_interested on approvals using gin (interested)`.execute(db)
  },
}

export const migrations: Readonly<Record<string, Migration>> = { '0001_aggregates': aggregateTables, '0002_approvals': approvals, '0003_outbox': outboxConfirmation }
