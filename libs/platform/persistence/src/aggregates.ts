import { newUuid } from '@sallyport/contracts/ids'
import { sql, type Kysely, type Transaction } from 'kysely'
import type { Migration } from 'kysely/migration'

/** The table of every event-sourced aggregate of one service, which is its outbox as well. */
export interface AggregateTables {
  aggregate_events: {
    position: number
    event_id: string
    aggregate: string
    id: string
    version: number
    type: string
    data: Record<string, unknown>
    actor: string
    at: Date
    published_at: Date | null
    /** Of the event stream, of the message that last brought it there. */
    stream_sequence: number | null
    /** When the audit store confirmed that it keeps it. */
    stored_at: Date | null
  }
}

/** A fact about an aggregate, in order of `version` within it. */
export interface StoredEvent {
  readonly eventId: string
  readonly aggregate: string
  readonly id: string
  readonly version: number
  readonly type: string
  readonly data: Record<string, unknown>
  readonly actor: string
  readonly at: Date
}

/** Somebody else changed the aggregate since it was read: read it again and decide again. */
export class ConcurrencyError extends Error {
  override readonly name = 'ConcurrencyError'
  readonly code = 'concurrency'
}

/** First migration of every service with aggregates. */
export const aggregateTables: Migration = {
  up: async (db) => {
    await sql`
      create table aggregate_events (
        position bigint generated always as identity primary key,
        event_id uuid not null unique,
        aggregate text not null,
        id text not null,
        version integer not null,
        type text not null,
        data jsonb not null,
        actor text not null,
        at timestamptz not null default now(),
        published_at timestamptz,
        unique (aggregate, id, version)
      )`.execute(db)
    await sql`create index aggregate_events_unpublished on aggregate_events (position) where published_at is null`.execute(db)
  },
}

/**
 * Last migration of every service with aggregates. What was published before is confirmed like everything else, and published again where
 * the store does not know it.
 */
export const outboxConfirmation: Migration = {
  up: async (db) => {
    await sql`alter table aggregate_events add column stream_sequence bigint, add column stored_at timestamptz`.execute(db)
    await sql`create index aggregate_events_unconfirmed on aggregate_events (published_at) where stored_at is null`.execute(db)
  },
}

export interface Append {
  readonly aggregate: string
  readonly id: string
  /** Version of the last event that was seen; 0 for none. */
  readonly expectedVersion: number
  readonly events: readonly { readonly type: string; readonly data: object }[]
  /** uid of who caused it, or the service's name. */
  readonly actor: string
}

const UNIQUE_VIOLATION = '23505'

/** Any Kysely whose database has the aggregate table; services pass their own wider types. */
type WithAggregates = Kysely<any> | Transaction<any> // eslint-disable-line @typescript-eslint/no-explicit-any -- Kysely is invariant in its schema type

/**
 * Appends within the caller's transaction, so that projections and outbox commit together.
 * Throws ConcurrencyError when the aggregate has moved on.
 */
export const appendEvents = async (transaction: WithAggregates, append: Append): Promise<void> => {
  if (append.events.length === 0) return
  const rows = append.events.map((event, index) => ({
    event_id: newUuid(),
    aggregate: append.aggregate,
    id: append.id,
    version: append.expectedVersion + index + 1,
    type: event.type,
    data: JSON.stringify(event.data),
    actor: append.actor,
  }))
  try {
    await (transaction as Kysely<AggregateTables>).insertInto('aggregate_events').values(rows as never).execute()
  } catch (cause) {
    if ((cause as { code?: string }).code !== UNIQUE_VIOLATION) throw cause
    throw new ConcurrencyError(`${append.aggregate} ${append.id} is no longer at version ${append.expectedVersion}`, { cause })
  }
}

/** The events of one aggregate, or of all of a kind, in the order in which they were appended. */
export const readEvents = async (db: WithAggregates, of: { readonly aggregate: string; readonly id?: string }): Promise<StoredEvent[]> => {
  let query = (db as Kysely<AggregateTables>)
    .selectFrom('aggregate_events')
    .select(['event_id', 'aggregate', 'id', 'version', 'type', 'data', 'actor', 'at'])
    .where('aggregate', '=', of.aggregate)
  query = of.id === undefined ? query.orderBy('position') : query.where('id', '=', of.id).orderBy('version')
  const rows = await query.execute()
  return rows.map((row) => ({ eventId: row.event_id, aggregate: row.aggregate, id: row.id, version: row.version, type: row.type, data: row.data, actor: row.actor, at: row.at }))
}
