import { confirmStored } from '@sallyport/contracts/audit'
import { controlSubject, encodeBatch, MESSAGE_BYTES_MAX, sequenceText, type ControlService } from '@sallyport/contracts/events'
import type { Bus, BusLogger, Stop } from '@sallyport/messaging'
import { sql, type Kysely } from 'kysely'
import type { AggregateTables } from './aggregates.js'
import type { Database } from './database.js'

export interface OutboxOptions {
  readonly database: Database<any> // eslint-disable-line @typescript-eslint/no-explicit-any -- Kysely is invariant in its schema type
  readonly bus: Bus
  readonly service: ControlService
  /** Instance that publishes, for the envelope. */
  readonly source: string
  readonly logger: BusLogger
  /** An event that the store turns out not to have is published again when its last publication is so long ago; default 10 s. */
  readonly againAfterMs?: number
}

const POLL_MS = 250
/** How often the store is asked what it has, while something waits for that. */
const CONFIRM_MS = 1_000
const CONFIRM_BATCH = 500
const AGAIN_AFTER_MS = 10_000
/** What is quarantined again and again needn't come often: the pause grows with the age of the event up to this. */
const AGAIN_AFTER_MAX_MS = 600_000
/** Failures in a row of which one is logged. */
const WARN_EVERY = 60
const BATCH = 100
/** Keeps messages below the bus's limit also when every character takes two bytes. */
const GROUP_CHARS_MAX = MESSAGE_BYTES_MAX / 2

/**
 * Relays committed events to the event stream, at least once, in order of position within what is visible. Transactions become
 * visible out of order, so it goes by a mark on each row and never by a cursor; row locks keep replicas from publishing a row twice at once.
 * A row stays open until the audit store confirms that it keeps the event: one that the stream lost, or that was given up with it, is
 * published again.
 */
export const startOutbox = (options: OutboxOptions): Stop => {
  const { bus, logger, service } = options
  let stopped = false

  const repeat = (work: () => Promise<boolean>, pauseMs: number, complaint: string): Stop => {
    let timer: NodeJS.Timeout | undefined
    let running: Promise<void> = Promise.resolve()
    let failures = 0
    const tick = async (): Promise<void> => {
      try {
        while (!stopped && bus.connected && (await work()));
        failures = 0
      } catch (error) {
        if (failures % WARN_EVERY === 0) logger.warn({ service, failures, error: String(error) }, complaint)
        failures += 1
      }
      if (!stopped) timer = setTimeout(() => { running = tick() }, failures === 0 ? pauseMs : CONFIRM_MS)
    }
    running = tick()
    return async () => {
      clearTimeout(timer)
      await running
    }
  }

  const stops = [
    repeat(async () => (await relay(options)) === BATCH, POLL_MS, 'outbox: events could not be relayed, it is tried again'),
    repeat(async () => (await confirm(options)) === CONFIRM_BATCH, CONFIRM_MS, 'outbox: the store could not be asked what it has, it is asked again'),
  ]
  return async () => {
    stopped = true
    for (const stop of stops) await stop()
  }
}

/** Closes the rows that the store has, and opens those for publication that it can't get any more. Answers how many were confirmed. */
const confirm = async ({ database, bus, service, logger, againAfterMs }: OutboxOptions): Promise<number> => {
  const db = database.kysely as Kysely<AggregateTables>
  const waiting = await db
    .selectFrom('aggregate_events')
    .select(['event_id', 'stream_sequence'])
    .where('stored_at', 'is', null)
    .where('published_at', 'is not', null)
    .orderBy('published_at')
    .limit(CONFIRM_BATCH)
    .execute()
  if (waiting.length === 0) return 0
  const { stored, takenIn, last } = await bus.call(confirmStored, { ids: waiting.map((row) => row.event_id) })
  const kept = new Set(stored)
  if (stored.length > 0) await db.updateTable('aggregate_events').set({ stored_at: sql`now()` }).where('event_id', 'in', stored).execute()
  const gone = waiting.filter(({ event_id: id, stream_sequence: sequence }) => !kept.has(id) && (sequence === null || sequence <= takenIn || sequence > last))
  if (gone.length === 0) return stored.length
  const again = await db
    .updateTable('aggregate_events')
    .set({ published_at: null })
    .where('event_id', 'in', gone.map((row) => row.event_id))
    .where('stored_at', 'is', null)
    .where(sql<boolean>`published_at < now() - least(greatest(${againAfterMs ?? AGAIN_AFTER_MS} * interval '1 ms', published_at - at), ${AGAIN_AFTER_MAX_MS} * interval '1 ms')`)
    .returning('event_id')
    .execute()
  if (again.length > 0) logger.error({ service, events: again.length, first: again[0]?.event_id }, 'outbox: the store did not get published events, they are published again')
  return stored.length
}

const relay = ({ database, bus, service, source }: OutboxOptions): Promise<number> =>
  (database.kysely as Kysely<AggregateTables>).transaction().execute(async (transaction) => {
    const rows = await transaction
      .selectFrom('aggregate_events')
      .selectAll()
      .where('published_at', 'is', null)
      .orderBy('position')
      .limit(BATCH)
      .forUpdate()
      .skipLocked()
      .execute()
    if (rows.length === 0) return 0
    const events = rows.map((row) => JSON.stringify({
      specversion: '1.0',
      id: row.event_id,
      source: `sallyport/${service}/${source}`,
      type: row.type,
      subject: row.id,
      time: row.at.toISOString(),
      sequence: sequenceText(row.version),
      data: { ...row.data, aggregate: row.aggregate, actor: row.actor },
    }))
    let relayed = 0
    for (const group of groupsBelow(events, GROUP_CHARS_MAX)) {
      const sequence = await bus.append(controlSubject(service), encodeBatch(group))
      await transaction
        .updateTable('aggregate_events')
        .set({ published_at: sql`clock_timestamp()`, stream_sequence: sequence })
        .where('position', 'in', rows.slice(relayed, relayed + group.length).map((row) => row.position))
        .execute()
      relayed += group.length
    }
    return rows.length
  })

/** Consecutive groups whose texts sum to at most `charsMax`; a longer text is a group of its own. */
const groupsBelow = (texts: readonly string[], charsMax: number): string[][] => {
  const groups: string[][] = []
  let size = Infinity
  for (const text of texts) {
    if (size + text.length > charsMax) {
      groups.push([])
      size = 0
    }
    groups.at(-1)!.push(text)
    size += text.length
  }
  return groups
}
