import { MESSAGE_BYTES_MAX } from '@sallyport/contracts/events'
import { PROXY_LOST_AFTER_MS } from '@sallyport/contracts/session'
import { EVENT_STREAM_BYTES_MAX } from '@sallyport/messaging'
import { z } from 'zod'

const milliseconds = z.coerce.number().int().min(1)

export const configSchema = z.object({
  /** Owner of the schema: migrates, and unless a writer is given is also the log-in of the service, which then acts as the writer role. */
  SALLYPORT_DATABASE_URL: z.string(),
  /** A log-in that is a member of the role `<schema>_writer` and of nothing else. */
  SALLYPORT_DATABASE_WRITER_URL: z.string().optional(),
  SALLYPORT_AUDIT_SCHEMA: z.string().regex(/^[a-z][a-z0-9_]*$/).default('audit_store'),
  /** How long events beyond a gap wait for it to be filled. */
  SALLYPORT_AUDIT_GAP_DEADLINE_MS: milliseconds.default(10_000),
  /** How long published events may be on their way before the proxy is asked for them again. */
  SALLYPORT_AUDIT_TAIL_AFTER_MS: milliseconds.default(3_000),
  SALLYPORT_AUDIT_PROXY_LOST_AFTER_MS: milliseconds.default(PROXY_LOST_AFTER_MS),
  /** Bound of the event stream, for what the store has not taken in; counts when the stream is made. When it is reached events are refused, and with them commands. */
  SALLYPORT_AUDIT_STREAM_BYTES: z.coerce.number().int().min(MESSAGE_BYTES_MAX * 2).default(EVENT_STREAM_BYTES_MAX),
  SALLYPORT_AUDIT_POOL_SIZE: z.coerce.number().int().min(4).max(100).default(10),
})

export type AuditStoreConfig = z.output<typeof configSchema>
