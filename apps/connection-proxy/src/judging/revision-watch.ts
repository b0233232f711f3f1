import { HEARTBEAT_AGE_MAX_MS, heartbeatSchema } from '@sallyport/contracts/policy'
import type { Bus, Stop } from '@sallyport/messaging'

/**
 * Which configuration revision is in force, by the owning service's heartbeat. What was cached counts only while a heartbeat that
 * names its revision is at most a second old: a lost event can't keep an old permission alive, nor can a cut-off bus.
 */
export class RevisionWatch {
  private revision = -1
  private heardAt = -Infinity

  /** `now` answers monotonic milliseconds. */
  constructor(private readonly now: () => number) {}

  watch(bus: Bus, subject: string): Stop {
    return bus.subscribe(subject, (payload) => this.heard(heartbeatSchema.parse(payload).revision))
  }

  /** Replicas may be a moment apart: only the highest revision counts, and a lower one does not keep it alive. */
  heard(revision: number): void {
    if (revision < this.revision) return
    this.revision = revision
    this.heardAt = this.now()
  }

  /** Whether an answer given under `revision` still counts. */
  current(revision: number): boolean {
    return revision === this.revision && this.now() - this.heardAt <= HEARTBEAT_AGE_MAX_MS
  }

  /** Whether an answer just given under `revision` is not already outdated by what was heard. */
  notOutdated(revision: number): boolean {
    return revision >= this.revision
  }
}
