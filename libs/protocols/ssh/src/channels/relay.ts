import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { MaskPlan, Outcome, SessionHost, StreamMask, StreamOptions, Ticket } from '@sallyport/protocol-kit'
import type { ClientChannel, ServerChannel } from 'ssh2'
import { Inflow } from './inflow.js'
import { Outflow, type OutKind } from './outflow.js'

/** How what ran on the target ended. */
export type TargetEnd =
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'signal'; readonly signal: string; readonly dumped: boolean; readonly text: string }
  | { readonly kind: 'none' }

export interface RelayOptions {
  readonly host: SessionHost
  readonly ticket: Ticket
  readonly plan: MaskPlan
  readonly mask: StreamOptions
  /** Bytes of output to record at most. */
  readonly recordedBytesMax: number
  readonly failed: (thrown: unknown) => void
}

/** Carries one running operation's streams both ways: masked, recorded, and with back-pressure, until both of the target's have ended. */
export class Relay {
  private readonly outflow: Outflow
  private readonly inflow: Inflow
  private readonly masks: StreamMask[] = []
  private readonly timers = new Map<StreamMask, NodeJS.Timeout>()
  private readonly digest = createHash('sha256')
  private bytesOut = 0
  private end: TargetEnd = { kind: 'none' }
  private gone = false

  constructor(
    private readonly options: RelayOptions,
    client: ServerChannel,
    private readonly target: ClientChannel,
  ) {
    this.outflow = new Outflow(options.host, client)
    this.inflow = new Inflow(options.host, options.ticket, client, target, options.failed)
    target.on('exit', (code: number | null, signal?: string, dumped?: string, text?: string) => {
      this.end = code === null ? { kind: 'signal', signal: signal ?? 'TERM', dumped: dumped !== undefined && dumped !== '', text: text ?? '' } : { kind: 'status', status: code }
    })
  }

  /** Streams until the target has closed its channel and everything is delivered, or `leave` was called. */
  async run(): Promise<void> {
    const closed = new Promise<void>((resolve) => void this.target.once('close', () => resolve()))
    const streams = [this.carry('output', this.target), this.carry('error', this.target.stderr)]
    this.inflow.start()
    await Promise.all([closed, ...streams])
    this.inflow.stop()
    await this.outflow.drained()
  }

  /** The client has closed its channel: what runs is told so, and nothing of it goes out any more. */
  leave(): void {
    if (this.gone) return
    this.gone = true
    this.inflow.stop()
    this.outflow.close()
    this.target.close()
  }

  get left(): boolean {
    return this.gone
  }

  get targetEnd(): TargetEnd {
    return this.end
  }

  outcome(): Outcome {
    const masked: Record<string, number> = {}
    for (const { counts } of this.masks) for (const [rule, count] of counts) masked[rule] = (masked[rule] ?? 0) + count
    const { end } = this
    return {
      outcome: this.gone ? 'cancelled' : end.kind === 'status' ? 'completed' : end.kind === 'signal' ? 'failed' : 'lost',
      bytesOut: this.bytesOut, masked, digest: this.digest.digest('hex'),
      ...(end.kind === 'none' ? {} : { status: end.kind === 'status' ? `exit ${end.status}` : `signal ${end.signal}` }),
      facts: { bytesIn: this.inflow.bytes, ...(end.kind === 'status' ? { exitStatus: end.status } : {}), ...(end.kind === 'signal' ? { signal: end.signal } : {}) },
    }
  }

  private carry(kind: OutKind, stream: Readable): Promise<void> {
    const { host, plan, mask: how } = this.options
    const mask = plan.stream(how)
    this.masks.push(mask)
    return new Promise((resolve) => {
      stream.on('data', (chunk: Buffer) => {
        this.deliver(kind, mask.write(chunk, host.now()))
        this.rearm(kind, mask)
        const room = this.room()
        if (room === undefined) return
        stream.pause()
        room.then(() => stream.resume(), (thrown: unknown) => this.options.failed(thrown))
      })
      stream.once('end', () => {
        clearTimeout(this.timers.get(mask))
        this.timers.delete(mask)
        this.deliver(kind, mask.end())
        resolve()
      })
    })
  }

  /** Lets go of what the mask holds back when its time has come. */
  private rearm(kind: OutKind, mask: StreamMask): void {
    clearTimeout(this.timers.get(mask))
    this.timers.delete(mask)
    const until = mask.holds()
    if (until === undefined) return
    this.timers.set(mask, setTimeout(() => {
      this.deliver(kind, mask.release(this.options.host.now()))
      this.rearm(kind, mask)
    }, Math.max(0, Math.ceil(until - this.options.host.now()))))
  }

  private deliver(kind: OutKind, pieces: readonly Uint8Array[]): void {
    if (this.gone) return
    const { host, ticket, recordedBytesMax } = this.options
    for (const piece of pieces) {
      const room = recordedBytesMax - this.bytesOut
      if (room > 0) host.record(ticket, kind, piece.length <= room ? piece : piece.subarray(0, room))
      this.digest.update(piece)
      this.bytesOut += piece.length
      this.outflow.write(kind, piece)
    }
  }

  private room(): Promise<unknown> | undefined {
    const recorded = this.options.host.whenRecorded(this.options.ticket)
    const written = this.outflow.whenRoom()
    return recorded === undefined && written === undefined ? undefined : Promise.all([recorded, written])
  }
}
