import { storedSchema, storedSubject, watermarks } from '@sallyport/contracts/audit'
import { PATIENT_PARTITION } from '@sallyport/contracts/events'
import { proxyHeartbeatSubject, republish } from '@sallyport/contracts/session'
import { at } from '@sallyport/contracts/rpc'
import type { Bus, Stop } from '@sallyport/messaging'
import type { Logger } from 'pino'
import { PartitionPublisher } from './publisher.js'
import { SessionRecord, type RecordSink } from './session-record.js'

export interface RecorderOptions {
  readonly bus: Bus
  readonly proxy: string
  readonly partitions: number
  readonly tailBytesMax: number
  /** The store's answers in a row, a second apart, after which an open session's record that gets no further is hopeless; default 60. Of an ended one ten times as many. */
  readonly hopelessAfterAsks?: number
  readonly logger: Logger
}

const SWEEP_MS = 100
const HEARTBEAT_MS = 1_000
/** How often the store is asked for its watermarks while something waits: its notices are sent at most once. */
const ASK_MS = 1_000
const CLOSE_GRACE_MS = 5_000
/** In one message; a session takes about fifty bytes. */
const HEARTBEAT_SESSIONS_MAX = 5_000
/** Asked so often in a row without getting further, with everything published, the store will never have the rest: it fenced the session off, or gave a gap up. */
const HOPELESS_AFTER_ASKS = 60
/** An ended session harms nobody but by the room that it takes, and a store that lags will come to it. */
const ENDED_FACTOR = 10

/** Every event of every session of this proxy, from its making until the store has it. */
export class Recorder implements RecordSink {
  readonly source: string
  private readonly records = new Map<string, SessionRecord>()
  /** Ended sessions whose last events are not stored yet. */
  private readonly ending = new Set<string>()
  /** Answers of the store in a row that said the same of a session whose every event is published. */
  private readonly fruitless = new Map<string, { readonly through: number; readonly last: number; readonly asks: number }>()
  private readonly publishers: PartitionPublisher[]
  /** For sessions that don't wait for the store. */
  private readonly patientPublishers: PartitionPublisher[]
  private readonly stops: Stop[] = []
  private tailChars = 0
  private next = 0
  private asking = false

  constructor(private readonly options: RecorderOptions) {
    this.source = `sallyport/connection-proxy/${options.proxy}`
    const publishers = (first: number, confirmedBy: 'store' | 'stream'): PartitionPublisher[] =>
      Array.from({ length: options.partitions }, (_, partition) => new PartitionPublisher(options.bus, options.proxy, first + partition, confirmedBy, options.logger))
    this.publishers = publishers(0, 'store')
    this.patientPublishers = publishers(PATIENT_PARTITION, 'stream')
  }

  start(): void {
    const { bus, proxy } = this.options
    this.stops.push(bus.subscribe(storedSubject(proxy), (payload) => this.applyWatermarks(payload)))
    this.stops.push(bus.serve(at(republish, proxy), ({ session, from, to }) => ({ published: this.records.get(session)?.republish(from, to) ?? 0 }), { queue: null }))
    const sweep = setInterval(() => this.sweep(), SWEEP_MS)
    const heartbeat = setInterval(() => this.heartbeat(), HEARTBEAT_MS)
    const ask = setInterval(() => void this.askWatermarks(), ASK_MS)
    this.stops.push(() => [sweep, heartbeat, ask].forEach((timer) => clearInterval(timer)))
    this.heartbeat()
  }

  /** Waits (bounded) until the store has everything, then stops. */
  async stop(): Promise<void> {
    const deadline = performance.now() + CLOSE_GRACE_MS
    while (this.unsettled().length > 0 && performance.now() < deadline) await new Promise((resolve) => { setTimeout(resolve, 20) })
    const left = this.unsettled()
    if (left.length > 0) this.options.logger.error({ sessions: left.length }, 'stopped before the store had the last events of every session')
    for (const publisher of [...this.publishers, ...this.patientPublishers]) publisher.close()
    for (const stop of this.stops) await stop()
  }

  open(session: string): SessionRecord {
    const record = new SessionRecord(session, this)
    this.records.set(session, record)
    return record
  }

  /** The session has recorded its last event; it is forgotten once that is stored. */
  end(session: string): void {
    if (this.records.get(session)?.settled === false) this.ending.add(session)
    else this.records.delete(session)
  }

  /** Whether events may still be taken on; when not, commands must wait or be refused. */
  get full(): boolean {
    return this.tailChars >= this.options.tailBytesMax
  }

  get tailBytes(): number {
    return this.tailChars
  }

  publish(record: SessionRecord, sequence: number, text: string): void {
    this.publisherOf(record).add(record, sequence, text)
  }

  tailGrew(chars: number): void {
    this.tailChars += chars
  }

  tailShrank(chars: number): void {
    this.tailChars -= chars
  }

  /** The durability is known before a session's first event that anything follows: all of them take one way, in their order. */
  private publisherOf({ session, durability }: SessionRecord): PartitionPublisher {
    const publishers = durability === 'stream' ? this.patientPublishers : this.publishers
    if (publishers.length === 1) return publishers[0]!
    let hash = 0
    for (let index = session.length - 8; index < session.length; index += 1) hash = (hash * 31 + session.charCodeAt(index)) >>> 0
    return publishers[hash % publishers.length]!
  }

  private unsettled(): SessionRecord[] {
    return [...this.records.values()].filter((record) => !record.settled)
  }

  private applyWatermarks(payload: unknown): void {
    const { sessions } = storedSchema.parse(payload)
    for (const [session, sequence] of sessions) {
      const record = this.records.get(session)
      if (record === undefined) continue
      record.stored(sequence)
      if (this.ending.has(session) && record.settled) this.forget(session)
    }
  }

  private forget(session: string): void {
    this.ending.delete(session)
    this.fruitless.delete(session)
    this.records.delete(session)
  }

  /** A record that can never be acknowledged must neither keep its session alive nor take up the tail for good. */
  private noteFruitless(answered: readonly (readonly [string, number])[]): void {
    for (const [session] of answered) {
      const record = this.records.get(session)
      if (record === undefined || record.settled || !record.allPublished) {
        this.fruitless.delete(session)
        continue
      }
      const { storedThrough: through, lastSequence: last } = record
      const before = this.fruitless.get(session)
      const asks = before?.through === through && before.last === last ? before.asks + 1 : 1
      this.fruitless.set(session, { through, last, asks })
      const enough = this.options.hopelessAfterAsks ?? HOPELESS_AFTER_ASKS
      if (asks >= enough * ENDED_FACTOR && this.ending.has(session)) this.giveUp(record)
      // At "stream" level a session doesn't wait for the store, however far that is behind.
      else if (asks === enough && record.durability === 'stored' && !this.ending.has(session)) this.giveUp(record)
    }
  }

  private giveUp(record: SessionRecord): void {
    this.options.logger.error({ session: record.session, storedThrough: record.storedThrough, lastSequence: record.lastSequence }, 'the store will not take the rest of a session: the session ends, and what is left is dropped')
    if (!this.ending.has(record.session)) return record.onHopeless()
    record.drop()
    this.forget(record.session)
  }

  private sweep(): void {
    const now = performance.now()
    for (const record of this.records.values()) record.expire(now)
  }

  private heartbeat(): void {
    // A connection that has not said anything yet has no events: the store needn't know of it.
    const sessions = [...this.records.values()].filter((record) => record.lastSequence > 0).map((record) => [record.session, record.lastSequence])
    const { bus, proxy } = this.options
    for (let from = 0; from === 0 || from < sessions.length; from += HEARTBEAT_SESSIONS_MAX) {
      bus.publish(proxyHeartbeatSubject(proxy), { proxy, sessions: sessions.slice(from, from + HEARTBEAT_SESSIONS_MAX) })
    }
  }

  private async askWatermarks(): Promise<void> {
    if (this.asking || !this.options.bus.connected) return
    const sessions = this.unsettled().slice(this.next, this.next + 1_000).map((record) => record.session)
    this.next = sessions.length === 1_000 ? this.next + 1_000 : 0
    if (sessions.length === 0) return
    this.asking = true
    try {
      const answer = await this.options.bus.call(watermarks, { sessions })
      this.applyWatermarks(answer)
      this.noteFruitless(answer.sessions)
    } catch (error) {
      this.options.logger.warn({ error: String(error) }, 'the store could not be asked how far it is')
    } finally {
      this.asking = false
    }
  }
}
