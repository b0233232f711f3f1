import { encodeBatch, MESSAGE_BYTES_MAX, sessionSubject } from '@sallyport/contracts/events'
import type { Bus } from '@sallyport/messaging'
import type { Logger } from 'pino'
import type { SessionRecord } from './session-record.js'

interface Queued {
  readonly record: SessionRecord
  readonly sequence: number
  readonly text: string
}

const bodyOf = (batch: readonly Queued[]): string => encodeBatch(batch.map((queued) => queued.text))

const RETRY_MS = 200
/** Attempts of which one is logged. */
const WARN_EVERY = 25
/** The store confirms what it was sent within milliseconds; what it hasn't after so long is published again, and JetStream asked whether it has it. */
const OVERDUE_MS = 1_000
const CHECK_MS = 250
/** So many messages may wait for the store; further ones go one by one, each acknowledged by JetStream. */
const SENT_MAX = 256
/** Half of the limit, so that a message stays below it also when every character takes two bytes. */
const BATCH_CHARS_MAX = MESSAGE_BYTES_MAX / 2

/** A message that the store has not confirmed yet. */
interface Sent {
  readonly batch: readonly Queued[]
  readonly at: number
}

const isStored = ({ record, sequence }: Queued): boolean => record.storedThrough >= sequence

/**
 * Publishes the events of one partition: whatever gathers while a publish is in flight goes as one message (group commit).
 * A publish of unknown outcome is repeated under its numbers until it is acknowledged; the store drops what it has already.
 * Of sessions that wait for the store (`confirmedBy`), JetStream's own acknowledgement would come beside the store's and cost as much: it
 * is asked for only when that is overdue.
 */
export class PartitionPublisher {
  private queue: Queued[] = []
  private scheduled = false
  private inFlight = false
  private closed = false
  private sent: Sent[] = []
  private checking: NodeJS.Timeout | undefined

  constructor(
    private readonly bus: Bus,
    private readonly proxy: string,
    private readonly partition: number,
    private readonly confirmedBy: 'store' | 'stream',
    private readonly logger: Logger,
  ) {}

  add(record: SessionRecord, sequence: number, text: string): void {
    this.queue.push({ record, sequence, text })
    this.schedule()
  }

  /** After everything that has come by now is worked off: sessions that were served in one turn of the event loop share a message. */
  private schedule(): void {
    if (this.scheduled || this.inFlight || this.queue.length === 0) return
    this.scheduled = true
    setImmediate(() => this.flush())
  }

  close(): void {
    this.closed = true
    clearInterval(this.checking)
  }

  private flush(): void {
    this.scheduled = false
    if (this.inFlight || this.queue.length === 0) return
    const batch = this.take()
    if (this.confirmedBy !== 'store' || this.sent.length >= SENT_MAX || !this.send(batch)) this.publishAcknowledged(batch)
    this.schedule()
  }

  /** Answers whether it left; that it arrived is for the store to say. */
  private send(batch: readonly Queued[]): boolean {
    try {
      this.bus.send(sessionSubject(this.proxy, this.partition), bodyOf(batch))
    } catch {
      return false
    }
    this.forgetConfirmed()
    this.sent.push({ batch, at: performance.now() })
    this.checking ??= setInterval(() => this.check(), CHECK_MS).unref()
    return true
  }

  /** What is left are events that the tail holds anyway. */
  private forgetConfirmed(): void {
    while (this.sent[0]?.batch.every(isStored) === true) this.sent.shift()
  }

  private check(): void {
    this.forgetConfirmed()
    const [oldest] = this.sent
    if (oldest === undefined) {
      clearInterval(this.checking)
      this.checking = undefined
    } else if (!this.inFlight && performance.now() - oldest.at > OVERDUE_MS) {
      this.sent.shift()
      this.publishAcknowledged(oldest.batch)
    }
  }

  private publishAcknowledged(batch: readonly Queued[]): void {
    this.inFlight = true
    void this.publish(bodyOf(batch)).then((acknowledged) => {
      this.inFlight = false
      // Given up at shutdown: an event that nobody acknowledged must not let its effect through.
      if (!acknowledged) return
      // In order within a session, so the last one seen is its watermark.
      for (const queued of batch) queued.record.published(queued.sequence)
      this.check()
      this.schedule()
    })
  }

  private take(): Queued[] {
    let chars = 0
    let count = 0
    while (count < this.queue.length) {
      chars += this.queue[count]!.text.length
      if (chars > BATCH_CHARS_MAX && count > 0) break
      count += 1
    }
    const batch = count === this.queue.length ? this.queue : this.queue.slice(0, count)
    this.queue = count === this.queue.length ? [] : this.queue.slice(count)
    return batch
  }

  /** Answers whether JetStream has it; false only when this publisher was closed first. */
  private async publish(body: string): Promise<boolean> {
    for (let attempt = 0; !this.closed; attempt += 1) {
      try {
        await this.bus.append(sessionSubject(this.proxy, this.partition), body)
        return true
      } catch (error) {
        if (attempt % WARN_EVERY === 0) this.logger.warn({ attempt, error: String(error) }, 'events could not be published, they are tried again')
        await new Promise((resolve) => { setTimeout(resolve, RETRY_MS) })
      }
    }
    return false
  }
}
