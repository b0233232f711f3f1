import type { ExactCommand } from './holds.js'

/** Of all that is kept, and the most that one may have: more doesn't go into one message of the bus. */
export const PARKED_BYTES_MAX = 8 * 1024 * 1024
export const EXACT_BYTES_MAX = 512 * 1024

export const exactBytes = ({ text, parameters }: ExactCommand): number =>
  parameters.reduce((sum, value) => sum + (value === null ? 0 : Buffer.byteLength(value)), Buffer.byteLength(text))

interface Kept { readonly exact: ExactCommand; readonly bytes: number; readonly endsAt: number }

/**
 * Exact texts of parked commands, for those who decide about them: in memory only, until it is decided or too late, whether or not the
 * session that asked still lives. When they are too many the oldest go first.
 */
export class ParkedTexts {
  private readonly kept = new Map<string, Kept>()
  private bytes = 0

  /** `now` and `endsAt`: monotonic milliseconds. */
  keep(approval: string, exact: ExactCommand, endsAt: number, now: number): void {
    this.forget(approval)
    const bytes = exactBytes(exact)
    if (bytes > EXACT_BYTES_MAX) return
    for (const [id, { endsAt: end }] of this.kept) if (end <= now) this.forget(id)
    for (const id of this.kept.keys()) {
      if (this.bytes + bytes <= PARKED_BYTES_MAX) break
      this.forget(id)
    }
    this.kept.set(approval, { exact, bytes, endsAt })
    this.bytes += bytes
  }

  get(approval: string, now: number): ExactCommand | undefined {
    const kept = this.kept.get(approval)
    if (kept !== undefined && kept.endsAt <= now) this.forget(approval)
    return kept !== undefined && kept.endsAt > now ? kept.exact : undefined
  }

  forget(approval: string): void {
    this.bytes -= this.kept.get(approval)?.bytes ?? 0
    this.kept.delete(approval)
  }
}
