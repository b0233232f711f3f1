import { DiscardPolicy, JetStreamApiError, jetstreamManager, RetentionPolicy, StorageType, type StreamInfo } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import { EVENT_STREAM, EVENT_SUBJECTS, MESSAGE_BYTES_MAX } from '@sallyport/contracts/events'

export interface EventStreamOptions {
  /** Size bound in bytes; when it is reached new events are refused (`discard: new`), and with them new commands. */
  readonly bytesMax?: number
  readonly replicas?: number
}

export const EVENT_STREAM_BYTES_MAX = 8 * 1024 ** 3
const NAME_IN_USE = 10058

/**
 * Creates the event stream, or leaves the existing one as it is, and answers how it is. A message stays on it until its one reader has
 * acknowledged it, which the store does when it is committed; nothing else takes one away: no age, and deleting and purging is denied for
 * good. A stream of another retention can't be turned into such a one and isn't touched (`keepsStored`).
 */
export const ensureEventStream = async (connection: NatsConnection, options: EventStreamOptions): Promise<StreamState> => {
  const manager = await jetstreamManager(connection, { checkAPI: false })
  try {
    return stateOf(await manager.streams.add({
      name: EVENT_STREAM,
      subjects: [EVENT_SUBJECTS],
      storage: StorageType.File,
      retention: RetentionPolicy.Workqueue,
      discard: DiscardPolicy.New,
      max_bytes: options.bytesMax ?? EVENT_STREAM_BYTES_MAX,
      max_msg_size: MESSAGE_BYTES_MAX * 2,
      num_replicas: options.replicas ?? 1,
      deny_delete: true,
      deny_purge: true,
    }))
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== NAME_IN_USE) throw error
    return stateOf(await manager.streams.info(EVENT_STREAM))
  }
}

/** How far a stream goes. `created` tells a stream that was made anew from the one before. */
export interface StreamState {
  readonly created: string
  readonly firstSequence: number
  readonly lastSequence: number
  /** Bytes that its messages take, and the bound beyond which new ones are refused; infinite for none. */
  readonly bytes: number
  readonly bytesMax: number
  /** Messages stay after they were acknowledged, until their age or the bound takes them: a stream made before that was changed. */
  readonly keepsStored: boolean
}

const stateOf = ({ created, state, config }: StreamInfo): StreamState => ({
  created,
  firstSequence: state.first_seq,
  lastSequence: state.last_seq,
  bytes: state.bytes,
  bytesMax: config.max_bytes > 0 ? config.max_bytes : Infinity,
  keepsStored: config.retention !== RetentionPolicy.Workqueue,
})

/** Asks the server; rejects when it can't be asked. */
export const streamState = async (connection: NatsConnection, stream: string): Promise<StreamState> => {
  const manager = await jetstreamManager(connection, { checkAPI: false })
  return stateOf(await manager.streams.info(stream))
}
