import { createHash, hash, type Hash } from 'node:crypto'
import type { Outcome, SessionHost, Ticket, Touches } from '@sallyport/protocol-kit'
import type { Tap } from './outflow.js'
import { capturedResult, type CapturedShape } from './captured-result.js'

/**
 * One judged command on its way: what was delivered for it, until it is finished exactly once.
 * Delivered bytes are hashed (and, up to the limit, kept) once per write, not once per row.
 */
export class Command implements Tap {
  rows = 0
  bytesOut = 0
  /** Its event is known to be acknowledged: what the target says for it may reach the client. */
  acknowledged = false
  finished = false
  /** Command tags so far, of the last statement. */
  status = ''
  failure: { readonly code: string; readonly message: string } | undefined
  shape: CapturedShape | undefined
  private masked: Record<string, number> | undefined
  private digest: Hash | undefined
  private kept: Buffer[] | undefined
  private keptBytes = 0
  private truncated = false
  private unhashed: Buffer | undefined

  constructor(private readonly host: SessionHost, readonly ticket: Ticket, readonly touches: Touches, readonly changesCatalog: boolean) {}

  /** Bytes that go to the client for this command; they are read until `settle` or `finish`. */
  absorb(bytes: Buffer): void {
    this.settle()
    this.bytesOut += bytes.length
    this.keep(bytes)
    this.unhashed = bytes
  }

  countMasked(rule: string): void {
    const masked = (this.masked ??= {})
    masked[rule] = (masked[rule] ?? 0) + 1
  }

  /** Must be called before the chunk is given back whose bytes were absorbed. */
  settle(): void {
    const { unhashed } = this
    if (unhashed === undefined) return
    this.unhashed = undefined
    ;(this.digest ??= createHash('sha256')).update(unhashed)
  }

  private keep(range: Buffer): void {
    const room = this.host.resultBytesMax - this.keptBytes
    if (room <= 0) {
      this.truncated ||= range.length > 0
      return
    }
    if (range.length > room) this.truncated = true
    const part = Buffer.from(range.length > room ? range.subarray(0, room) : range)
    ;(this.kept ??= []).push(part)
    this.keptBytes += part.length
  }

  /** The whole answer left in one write: hashed in one call. */
  private lastDigest(): string | undefined {
    const { unhashed, digest } = this
    if (digest === undefined && unhashed !== undefined) {
      this.unhashed = undefined
      return hash('sha256', unhashed, 'hex')
    }
    this.settle()
    return this.digest?.digest('hex')
  }

  finish(outcome: Outcome['outcome']): void {
    if (this.finished) return
    this.finished = true
    const digest = this.lastDigest()
    if (this.changesCatalog) this.host.catalogChanged()
    this.host.finish(this.ticket, new Ended({ outcome, rows: this.rows, bytesOut: this.bytesOut, masked: this.masked, digest, status: this.status, error: this.failure }, { kept: this.kept, shape: this.shape, truncated: this.truncated }))
  }
}

interface EndFacts {
  readonly outcome: Outcome['outcome']
  readonly rows: number
  readonly bytesOut: number
  readonly masked: Readonly<Record<string, number>> | undefined
  readonly digest: string | undefined
  readonly status: string
  readonly error: { readonly code: string; readonly message: string } | undefined
}

interface Captured {
  readonly kept: readonly Buffer[] | undefined
  readonly shape: CapturedShape | undefined
  readonly truncated: boolean
}

/** The outcome as plain data, its result decoded only when it is read. */
class Ended implements Outcome {
  readonly outcome: Outcome['outcome']
  readonly rows: number
  readonly bytesOut: number
  readonly status: string
  declare readonly masked?: Readonly<Record<string, number>>
  declare readonly digest?: string
  declare readonly error?: { readonly code: string; readonly message: string }

  constructor({ outcome, rows, bytesOut, masked, digest, status, error }: EndFacts, private readonly captured: Captured) {
    this.outcome = outcome
    this.rows = rows
    this.bytesOut = bytesOut
    this.status = status
    if (masked !== undefined) this.masked = masked
    if (digest !== undefined) this.digest = digest
    if (error !== undefined) this.error = error
  }

  get result(): NonNullable<Outcome['result']> {
    const { kept, shape, truncated } = this.captured
    return kept === undefined ? { columns: [], rows: [], truncated } : capturedResult(kept, shape, truncated)
  }
}
