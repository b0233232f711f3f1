import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { MaskPlan, Outcome, SessionHost, StreamMask, StreamOptions, Ticket } from '@sallyport/protocol-kit'
import type { ClientChannel, ServerChannel } from 'ssh2'
import { Inflow } from './inflow.js'
import type { Outflow, OutKind } from './outflow.js'

/** How what ran on the target ended. */
export type TargetEnd =
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'signal'; readonly signal: string; readonly dumped: boolean; readonly text: string }
  | { readonly kind: 'none' }

export interface RelayOptions {
  readonly host: SessionHost
  readonly ticket: Ticket
  /** `program` ends with a status; `tunnel` is open until both directions have ended. */
  readonly kind: 'program' | 'tunnel'
  readonly plan: Pick<MaskPlan, 'stream'>
  readonly mask: StreamOptions
  /** Bytes of output to record at most. */
  readonly recordedBytesMax: number
  readonly failed: (thrown: unknown) => void
  /** Whose recording the output goes to, when that is another operation's. */
  readonly recording?: Ticket
  /** Sees what is typed at a terminal, instead of its record by digest. */
  readonly typed?: (piece: Buffer) => void
  /** Sees the output as the target wrote it, and answers what of it is for the client. */
  readonly filter?: OutputFilter
}

export interface OutputFilter {
  write(chunk: Buffer): Buffer
  /** What was held back to the last. */
  end(): Buffer
}

/** Carries one running operation's streams both ways: masked, recorded, and with back-pressure, until both of the target's have ended. */
export class Relay {
  private readonly inflow: Inflow
  private readonly masks: StreamMask[] = []
  private readonly timers = new Map<StreamMask, NodeJS.Timeout>()
  private readonly digest = createHash('sha256')
  private readonly leaving = Promise.withResolvers<void>()
  private bytesOut = 0
  private recorded = 0
  private end: TargetEnd = { kind: 'none' }
  private gone = false

  /** Must be made in the callback in which the target's channel came, so that nothing of it is missed. */
  constructor(
    private readonly options: RelayOptions,
    private readonly client: Readable & Partial<Pick<ServerChannel, 'eof'>>,
    private readonly outflow: Outflow,
    private readonly target: ClientChannel,
  ) {
    this.inflow = new Inflow(options, client, target)
    target.on('error', () => undefined)
    target.on('exit', (code: number | null, signal?: string, dumped?: string, text?: string) => {
      this.end = code === null ? { kind: 'signal', signal: (signal ?? 'TERM').replace(/^SIG/, ''), dumped: dumped !== undefined && dumped !== '', text: text ?? '' } : { kind: 'status', status: code }
    })
    this.closed = new Promise<void>((resolve) => void target.once('close', () => resolve()))
  }

  private readonly closed: Promise<void>

  /** Streams until the target has closed its channel and everything is delivered, or `leave` was called. */
  async run(): Promise<void> {
    if (this.gone) return
    const streams = [this.carry('output', this.target), this.carry('error', this.target.stderr)]
    this.inflow.start()
    await Promise.race([Promise.all([this.closed, ...streams]).then(() => this.outflow.drained()), this.leaving.promise])
    this.inflow.stop()
    this.client.resume()
  }

  /** The client has closed its channel or the session ends: nothing of it goes out any more, and the target is told. */
  leave(): void {
    if (this.gone) return
    this.gone = true
    for (const timer of this.timers.values()) clearTimeout(timer)
    this.inflow.stop()
    this.target.close()
    this.target.resume()
    this.target.stderr.resume()
    this.leaving.resolve()
  }

  get left(): boolean {
    return this.gone
  }

  get targetEnd(): TargetEnd {
    return this.end
  }

  /** Once, after `run`. */
  outcome(): Outcome {
    const masked: Record<string, number> = {}
    for (const { counts } of this.masks) for (const [rule, count] of counts) masked[rule] = (masked[rule] ?? 0) + count
    const { end } = this
    return {
      outcome: this.ending(), bytesOut: this.bytesOut, masked, digest: this.digest.digest('hex'),
      ...(end.kind === 'none' ? {} : { status: end.kind === 'status' ? `exit ${end.status}` : `signal ${end.signal}` }),
      facts: { bytesIn: this.inflow.bytes, bytesOut: this.bytesOut, ...(end.kind === 'status' ? { exitStatus: end.status } : {}), ...(end.kind === 'signal' ? { signal: end.signal } : {}) },
    }
  }

  private get recording(): Ticket {
    return this.options.recording ?? this.options.ticket
  }

  private ending(): Outcome['outcome'] {
    if (this.gone) return 'cancelled'
    if (this.options.kind === 'tunnel' || this.end.kind === 'status') return 'completed'
    return this.end.kind === 'signal' ? 'failed' : 'lost'
  }

  private carry(kind: OutKind, stream: Readable): Promise<void> {
    const { host, plan, mask: how } = this.options
    const filter = kind === 'output' ? this.options.filter : undefined
    const mask = plan.stream(how)
    this.masks.push(mask)
    return new Promise((resolve) => {
      stream.on('data', (chunk: Buffer) => {
        this.deliver(kind, mask.write(filter === undefined ? chunk : filter.write(chunk), host.now()))
        this.rearm(kind, mask)
        const room = this.room()
        if (room === undefined) return
        stream.pause()
        room.then(() => stream.resume(), (thrown: unknown) => this.options.failed(thrown))
      })
      stream.once('end', () => {
        clearTimeout(this.timers.get(mask))
        this.timers.delete(mask)
        if (filter !== undefined) this.deliver(kind, mask.write(filter.end(), host.now()))
        this.deliver(kind, mask.end())
        if (this.options.kind === 'tunnel' && kind === 'output') void this.outflow.drained().then(() => this.client.eof?.())
        resolve()
      })
    })
  }

  /** Lets go of what the mask holds back when its time has come. */
  private rearm(kind: OutKind, mask: StreamMask): void {
    clearTimeout(this.timers.get(mask))
    this.timers.delete(mask)
    const until = this.gone ? undefined : mask.holds()
    if (until === undefined) return
    this.timers.set(mask, setTimeout(() => {
      this.deliver(kind, mask.release(this.options.host.now()))
      this.rearm(kind, mask)
    }, Math.max(0, Math.ceil(until - this.options.host.now()))))
  }

  private deliver(kind: OutKind, pieces: readonly Uint8Array[]): void {
    if (this.gone) return
    for (const piece of pieces) {
      this.keep(kind, piece)
      this.digest.update(piece)
      this.bytesOut += piece.length
      this.outflow.write(kind, piece)
    }
  }

  private keep(kind: OutKind, piece: Uint8Array): void {
    const { host, recordedBytesMax } = this.options
    const room = recordedBytesMax - this.recorded
    if (room <= 0) return
    const kept = piece.length <= room ? piece : piece.subarray(0, room)
    this.recorded += kept.length
    host.record(this.recording, kind, kept)
  }

  private room(): Promise<unknown> | undefined {
    const recorded = this.options.host.whenRecorded(this.recording)
    const written = this.outflow.whenRoom()
    return recorded === undefined && written === undefined ? undefined : Promise.all([recorded, written])
  }
}
