import { encodeBatch, MESSAGE_BYTES_MAX, sessionSubject } from '@sallyport/contracts/events'
import type { Bus } from '@sallyport/messaging'
import type { Logger } from 'pino'
import type { SessionRecord } from './session-record.js'

interface Queued {
  readonly record: SessionRecord
  readonly sequence: number
  readonly text: string
}

const RETRY_MS = 200
/** Attempts of which one is logged. */
const WARN_EVERY = 25
/** Half of the limit, so that a message stays below it also when every character takes two bytes. */
const BATCH_CHARS_MAX = MESSAGE_BYTES_MAX / 2

/**
 * Publishes the events of one partition: whatever gathers while a publish is in flight goes as one message (group commit).
 * A publish of unknown outcome is repeated under its numbers until it is acknowledged; the store drops what it has already.
 */
export class PartitionPublisher {
  private queue: Queued[] = []
  private scheduled = false
  private inFlight = false
  private closed = false

  constructor(
    private readonly bus: Bus,
    private readonly proxy: string,
    private readonly partition: number,
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
  }

  private flush(): void {
    this.scheduled = false
    if (this.inFlight || this.queue.length === 0) return
    this.inFlight = true
    const batch = this.take()
    const body = encodeBatch(batch.map((queued) => queued.text))
    void this.publish(body).then((acknowledged) => {
      this.inFlight = false
      // Given up at shutdown: an event that nobody acknowledged must not let its effect through.
      if (!acknowledged) return
      // In order within a session, so the last one seen is its watermark.
      for (const queued of batch) queued.record.published(queued.sequence)
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
