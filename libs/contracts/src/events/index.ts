import { z } from 'zod'

/** The JetStream stream that holds every event, and its subjects. */
export const EVENT_STREAM = 'SALLYPORT_EVENTS'
export const EVENT_SUBJECTS = 'sallyport.evt.>'
/** Sessions are spread over this many subjects for each proxy. */
export const SESSION_PARTITIONS = 8

/** Where one proxy publishes its sessions' batches; it may publish under its own name only. */
export const sessionSubject = (proxy: string, partition: number): string => `sallyport.evt.session.${proxy}.${partition}`
/**
 * Partitions from here on carry sessions whose commands don't wait for the store (durability `stream`): it may let their events gather
 * before it commits them, which costs everybody else on its machine less.
 */
export const PATIENT_PARTITION = 1000
const PATIENT_SUBJECT = /^sallyport\.evt\.session\.[^.]+\.1\d{3}$/
export const isPatientSubject = (subject: string): boolean => PATIENT_SUBJECT.test(subject)
/** Where a service's outbox publishes the events of its aggregates. */
export const controlSubject = (service: ControlService): string => `sallyport.evt.control.${service}`

export const controlServices = ['policy-decision', 'approval', 'masking', 'api', 'audit-store'] as const
export type ControlService = (typeof controlServices)[number]

/**
 * CloudEvents 1.0, structured JSON. `subject` is the aggregate's id. Data-path events carry the extensions
 * `session` and `sequence` (twelve digits, gap-free from 1 within a session); control events carry
 * `sequence` as their version within the aggregate.
 */
export const eventSchema = z.object({
  specversion: z.literal('1.0'),
  id: z.uuid(),
  source: z.string().max(200),
  type: z.string().regex(/^sallyport\.[a-z-]+\.[a-z-]+\.v\d+$/),
  subject: z.string().max(200),
  time: z.iso.datetime(),
  session: z.string().max(60).optional(),
  sequence: z.string().regex(/^\d{12}$/),
  data: z.record(z.string(), z.unknown()),
})
export type SallyportEvent = z.infer<typeof eventSchema>

/** A sequence number as the envelope shows it: zero-padded to twelve digits, so that text order is number order. */
export const sequenceText = (sequence: number): string => String(sequence).padStart(12, '0')

/**
 * A CloudEvents batch. One event a line between `[` and `]`, so that each event's bytes can be cut out verbatim
 * without parsing: `[\n{…},\n{…}\n]`. JSON never contains a raw line feed within an event.
 */
export const encodeBatch = (events: readonly string[]): string => `[\n${events.join(',\n')}\n]`

/** The verbatim text of each event of a batch made by {@link encodeBatch}. Throws on any other shape. */
export const splitBatch = (batch: string): string[] => {
  if (!batch.startsWith('[\n') || !batch.endsWith('\n]')) throw new Error('not an event batch: it must open with "[", have one event a line and close with "]"')
  return batch.slice(2, -2).split(',\n')
}

/** Messages on the bus stay under this size, in bytes; larger texts travel as head and digest. */
export const MESSAGE_BYTES_MAX = 512 * 1024
