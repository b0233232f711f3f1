import { newUuid } from '@sallyport/contracts/ids'
import { MESSAGE_BYTES_MAX, sequenceText } from '@sallyport/contracts/events'
import { Refusal } from '@sallyport/protocol-kit'
import { Tail } from './tail.js'

export type Durability = 'stored' | 'stream'

/** What a session's record needs of the recorder that owns it. */
export interface RecordSink {
  readonly source: string
  publish(record: SessionRecord, sequence: number, text: string): void
  tailGrew(chars: number): void
  tailShrank(chars: number): void
}

/** One event with the batch around it: a larger one could never be published, and everything behind it would wait for ever. */
const EVENT_BYTES_MAX = MESSAGE_BYTES_MAX - 16
const BYTES_PER_CHAR_MAX = 3

interface Waiter {
  readonly sequence: number
  readonly resolve: () => void
  readonly reject: (refusal: Refusal) => void
  readonly deadline: number
}

/**
 * The events of one session: their numbers, what of them is acknowledged, and what waits for that.
 * `acknowledged` is a watermark: every event up to it is safe at the connection's durability.
 */
export class SessionRecord {
  private last = 0
  private publishedThrough = 0
  private storedAt = 0
  private ended = false
  private readonly tail = new Tail()
  private waiters: Waiter[] = []
  durability: Durability = 'stored'
  /** Called when nothing more of it can ever be acknowledged: its session has to end. */
  onHopeless: () => void = () => undefined

  constructor(
    readonly session: string,
    private readonly sink: RecordSink,
  ) {}

  get lastSequence(): number {
    return this.last
  }

  get acknowledgedThrough(): number {
    return this.durability === 'stored' ? this.storedAt : Math.max(this.publishedThrough, this.storedAt)
  }

  get storedThrough(): number {
    return this.storedAt
  }

  /** True when JetStream has everything. */
  get allPublished(): boolean {
    return this.publishedThrough >= this.last
  }

  /** True when the store has everything. */
  get settled(): boolean {
    return this.storedAt >= this.last
  }

  /**
   * Records an event; `data` is the JSON text of its data. Answers its sequence. Throws a Refusal when the session's last event is
   * recorded already (nothing may follow it, and nobody would ever drop it from the tail), or when the event is too large for the bus.
   */
  append(type: string, subject: string, data: string): number {
    if (this.ended) throw new Refusal('unavailable', 'this session has ended')
    const sequence = this.last + 1
    const text = `{"specversion":"1.0","id":"${newUuid()}","source":"${this.sink.source}","type":"${type}","subject":"${subject}","time":"${new Date().toISOString()}","session":"${this.session}","sequence":"${sequenceText(sequence)}","data":${data}}`
    if (text.length * BYTES_PER_CHAR_MAX > EVENT_BYTES_MAX && Buffer.byteLength(text) > EVENT_BYTES_MAX) throw new Refusal('limit', 'this is too large to be recorded, so it was not run')
    this.last = sequence
    this.tail.push({ sequence, text })
    this.sink.tailGrew(text.length)
    this.sink.publish(this, sequence, text)
    return sequence
  }

  /** JetStream has it. */
  published(sequence: number): void {
    if (sequence <= this.publishedThrough) return
    this.publishedThrough = sequence
    this.wake()
  }

  /** The store has committed it. */
  stored(sequence: number): void {
    if (sequence <= this.storedAt) return
    this.storedAt = Math.min(sequence, this.last)
    this.sink.tailShrank(this.tail.dropThrough(sequence))
    this.wake()
  }

  /** Nothing more is recorded. What waits for an acknowledgement is refused. */
  end(): void {
    this.ended = true
    this.abandon()
  }

  get hasEnded(): boolean {
    return this.ended
  }

  /** Gives up what is not stored. */
  drop(): void {
    this.sink.tailShrank(this.tail.dropThrough(this.last))
  }

  /** Publishes again what the store says it lacks. */
  republish(from: number, to: number): number {
    const entries = this.tail.between(from, to)
    for (const entry of entries) this.sink.publish(this, entry.sequence, entry.text)
    return entries.length
  }

  whenAcknowledged(sequence: number, deadlineMs: number): Promise<void> {
    if (this.acknowledgedThrough >= sequence) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.waiters.push({ sequence, resolve, reject, deadline: performance.now() + deadlineMs })
    })
  }

  /** Refuses what has waited too long. */
  expire(now: number): void {
    if (this.waiters.length === 0) return
    const late = this.waiters.filter((waiter) => waiter.deadline <= now)
    if (late.length > 0) this.rejectAll(late)
  }

  /** Refuses everything that waits: the session ends or the bus is gone. */
  abandon(): void {
    this.rejectAll(this.waiters)
  }

  private rejectAll(waiters: readonly Waiter[]): void {
    this.waiters = this.waiters.filter((waiter) => !waiters.includes(waiter))
    for (const waiter of waiters) waiter.reject(new Refusal('unavailable', 'this command could not be recorded in time, so it was not run', { remedy: 'Try again; if it goes on, tell whoever runs Sallyport that its event store does not answer.' }))
  }

  private wake(): void {
    const through = this.acknowledgedThrough
    if (this.waiters.length === 0) return
    const done = this.waiters.filter((waiter) => waiter.sequence <= through)
    if (done.length === 0) return
    this.waiters = this.waiters.filter((waiter) => waiter.sequence > through)
    for (const waiter of done) waiter.resolve()
  }
}
