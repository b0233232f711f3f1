import { DiscardPolicy, jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { EVENT_STREAM, EVENT_SUBJECTS, MESSAGE_BYTES_MAX } from '@sallyport/contracts/events'

export interface EventStreamOptions {
  /** Size bound in bytes; when it is reached new events are refused (`discard: new`), and with them new commands. */
  readonly bytesMax?: number
  readonly replicas?: number
}

const BYTES_MAX = 8 * 1024 ** 3
/**
 * The stream carries, it does not keep: without an age the size bound would one day refuse every new event for good. A store that is away
 * for longer than this loses what proxies no longer hold and what outboxes have handed over; it is alarmed about long before (docs/guides/operating.md).
 */
const AGE_MAX_NS = 3 * 24 * 60 * 60 * 1_000_000_000

/** Creates the event stream, or leaves the existing one as it is. Deleting and purging single messages is denied for good. */
export const ensureEventStream = async (connection: NatsConnection, options: EventStreamOptions): Promise<void> => {
  const manager = await jetstreamManager(connection, { checkAPI: false })
  await manager.streams.add({
    name: EVENT_STREAM,
    subjects: [EVENT_SUBJECTS],
    storage: StorageType.File,
    retention: RetentionPolicy.Limits,
    discard: DiscardPolicy.New,
    max_bytes: options.bytesMax ?? BYTES_MAX,
    max_age: AGE_MAX_NS,
    max_msg_size: MESSAGE_BYTES_MAX * 2,
    num_replicas: options.replicas ?? 1,
    deny_delete: true,
    deny_purge: true,
  })
}

/** How far a stream goes. `created` tells a stream that was made anew from the one before. */
export interface StreamState {
  readonly created: string
  readonly firstSequence: number
  readonly lastSequence: number
}

/** Asks the server; rejects when it can't be asked. */
export const streamState = async (connection: NatsConnection, stream: string): Promise<StreamState> => {
  const manager = await jetstreamManager(connection, { checkAPI: false })
  const info = await manager.streams.info(stream)
  return { created: info.created, firstSequence: info.state.first_seq, lastSequence: info.state.last_seq }
}
