import { isUtf8 } from 'node:buffer'
import type { Incoming, Origin, Quarantined, QuarantineReason } from './event.js'

/** What one message of the stream holds: events in their order, and what is not one. */
export interface MessageContent {
  readonly events: Incoming[]
  readonly poison: Quarantined[]
}

const LF = 10
const COMMA = 44
const TYPE_FORM = /^sallyport\.([a-z-]+)\.[a-z-]+\.v\d{1,4}$/
const ID_FORM = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i
const SEQUENCE_FORM = /^\d{12}$/
const SESSION_FORM = /^[A-Za-z0-9_-]{1,60}$/
const TIME_FORM = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?Z$/
const SESSION_SUBJECT = /^sallyport\.evt\.session\.([A-Za-z0-9_-]{1,60})\.\d{1,4}$/
const CONTROL_SUBJECT = /^sallyport\.evt\.control\.([a-z-]{1,60})$/
const TEXT_CHARS_MAX = 200
const TYPES_KNOWN_MAX = 1_000

/** Aggregates that only one kind of publisher may speak of: a proxy can't forge an approval, a service no command. */
const ownerOf: Readonly<Record<string, string>> = { session: 'proxy', command: 'proxy', approval: 'approval', policy: 'policy-decision', 'masking-rule': 'masking', audit: 'audit-store' }

/** Type → its aggregate; types are few and come with every event, so each is taken apart once. */
const typesKnown = new Map<string, string>()

const aggregateOf = (type: unknown): string | undefined => {
  if (typeof type !== 'string') return undefined
  const known = typesKnown.get(type)
  if (known !== undefined) return known
  const aggregate = type.length > TEXT_CHARS_MAX ? undefined : TYPE_FORM.exec(type)?.[1]
  if (aggregate === undefined) return undefined
  if (typesKnown.size >= TYPES_KNOWN_MAX) typesKnown.clear()
  typesKnown.set(type, aggregate)
  return aggregate
}

export const originOf = (subject: string): Origin | undefined => {
  const proxy = SESSION_SUBJECT.exec(subject)?.[1]
  if (proxy !== undefined) return { kind: 'proxy', proxy }
  const service = CONTROL_SUBJECT.exec(subject)?.[1]
  return service === undefined ? undefined : { kind: 'service', service }
}

const shortText = (value: unknown): value is string =>
  typeof value === 'string' && value.length <= TEXT_CHARS_MAX && !value.includes('\u0000')

const poisonOf = (reason: QuarantineReason, detail: string, origin: string, body: Buffer): Quarantined =>
  ({ reason, detail, origin, session: null, sequence: null, position: null, body })

interface Envelope {
  specversion?: unknown
  id?: unknown
  source?: unknown
  type?: unknown
  subject?: unknown
  time?: unknown
  session?: unknown
  sequence?: unknown
  data?: unknown
}

/** The field of the envelope that is wrong; the rules of `eventSchema`, by hand because every event passes here. */
const faultOf = (event: Envelope, time: number): string | undefined => {
  if (event.specversion !== '1.0') return 'specversion'
  if (typeof event.id !== 'string' || !ID_FORM.test(event.id)) return 'id'
  if (!shortText(event.source)) return 'source'
  if (!shortText(event.subject)) return 'subject'
  if (!Number.isFinite(time)) return 'time'
  if (typeof event.sequence !== 'string' || !SEQUENCE_FORM.test(event.sequence)) return 'sequence'
  if (typeof event.data !== 'object' || event.data === null || Array.isArray(event.data)) return 'data'
  return undefined
}

/** Whether this publisher may publish such an event at all. */
const misplaced = (event: Envelope, aggregate: string, origin: Origin): string | undefined => {
  if (origin.kind === 'store') return undefined
  const publisher = origin.kind === 'proxy' ? 'proxy' : origin.service
  const owner = ownerOf[aggregate]
  if (owner !== undefined && owner !== publisher) return `an event of ${aggregate} from ${publisher}`
  if (origin.kind === 'service') return event.session === undefined ? undefined : 'a session\'s event from a service'
  return typeof event.session === 'string' && SESSION_FORM.test(event.session) && Number(event.sequence) >= 1 ? undefined : 'an event without session and sequence from a proxy'
}

/** Reads one event. Never throws: whatever is not an event comes back as quarantined. */
export const readEvent = (body: Buffer, origin: Origin, from: string): Incoming | Quarantined => {
  let event: Envelope
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'))
    if (typeof parsed !== 'object' || parsed === null) return poisonOf('envelope', 'not an object', from, body)
    event = parsed
  } catch (error) {
    return poisonOf('not-json', String(error).slice(0, TEXT_CHARS_MAX), from, body)
  }
  const time = typeof event.time === 'string' && TIME_FORM.test(event.time) ? Date.parse(event.time) : Number.NaN
  const fault = faultOf(event, time)
  if (fault !== undefined) return poisonOf('envelope', fault, from, body)
  const aggregate = aggregateOf(event.type)
  if (aggregate === undefined) return poisonOf('envelope', 'type', from, body)
  const wrong = misplaced(event, aggregate, origin)
  if (wrong !== undefined) return poisonOf('wrong-subject', wrong, from, body)
  return {
    origin,
    id: event.id as string,
    type: event.type as string,
    source: event.source as string,
    subject: event.subject as string,
    time,
    session: (event.session as string | undefined) ?? null,
    sequence: Number(event.sequence),
    data: event.data as Record<string, unknown>,
    body,
  }
}

/**
 * Cuts a CloudEvents batch (`encodeBatch`: one event a line) into its events without copying their bytes.
 * Never throws: what is not a batch or not an event is quarantined, and the events beside it are read.
 */
export const readMessage = (subject: string, data: Uint8Array): MessageContent => {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength)
  const content: MessageContent = { events: [], poison: [] }
  const origin = originOf(subject)
  if (origin === undefined) {
    content.poison.push(poisonOf('wrong-subject', 'nobody\'s subject', subject.slice(0, TEXT_CHARS_MAX), bytes))
    return content
  }
  const last = bytes.length - 2
  if (last < 2 || bytes[0] !== 0x5b || bytes[1] !== LF || bytes[last] !== LF || bytes[last + 1] !== 0x5d) {
    content.poison.push(poisonOf('not-a-batch', 'it must open with "[", have one event a line and close with "]"', subject, bytes))
    return content
  }
  const clean = isUtf8(bytes)
  let start = 2
  while (start <= last) {
    const feed = bytes.indexOf(LF, start)
    const end = feed < last && bytes[feed - 1] === COMMA ? feed - 1 : feed
    const body = bytes.subarray(start, end)
    start = feed + 1
    // A replacement character would make the parsed event another than the bytes that are kept.
    const read = clean || isUtf8(body) ? readEvent(body, origin, subject) : poisonOf('not-utf8', 'bytes that are not UTF-8', subject, body)
    if ('reason' in read) content.poison.push(read)
    else content.events.push(read)
  }
  return content
}
