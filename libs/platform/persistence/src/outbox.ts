import { controlSubject, encodeBatch, MESSAGE_BYTES_MAX, sequenceText, type ControlService } from '@sallyport/contracts/events'
import type { Bus, BusLogger, Stop } from '@sallyport/messaging'
import type { Kysely } from 'kysely'
import type { AggregateTables } from './aggregates.js'
import type { Database } from './database.js'

export interface OutboxOptions {
  readonly database: Database<any> // eslint-disable-line @typescript-eslint/no-explicit-any -- Kysely is invariant in its schema type
  readonly bus: Bus
  readonly service: ControlService
  /** Instance that publishes, for the envelope. */
  readonly source: string
  readonly logger: BusLogger
}

const POLL_MS = 250
const BATCH = 100
/** Keeps messages below the bus's limit also when every character takes two bytes. */
const GROUP_CHARS_MAX = MESSAGE_BYTES_MAX / 2

/**
 * Relays committed events to the event stream, at least once, in order of position within what is visible. Transactions become
 * visible out of order, so it goes by a mark on each row and never by a cursor; row locks keep replicas from publishing a row twice at once.
 */
export const startOutbox = (options: OutboxOptions): Stop => {
  let stopped = false
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()

  const tick = async (): Promise<void> => {
    try {
      while (!stopped && options.bus.connected && (await relay(options)) === BATCH);
    } catch (error) {
      options.logger.warn({ service: options.service, error: String(error) }, 'outbox: events could not be relayed, it is tried again')
    }
    if (!stopped) timer = setTimeout(() => { running = tick() }, POLL_MS)
  }
  running = tick()
  return async () => {
    stopped = true
    clearTimeout(timer)
    await running
  }
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
    for (const group of groupsBelow(events, GROUP_CHARS_MAX)) await bus.append(controlSubject(service), encodeBatch(group))
    await transaction
      .updateTable('aggregate_events')
      .set({ published_at: new Date() })
      .where('position', 'in', rows.map((row) => row.position))
      .execute()
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
