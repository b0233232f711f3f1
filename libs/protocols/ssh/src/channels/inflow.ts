import type { Readable, Writable } from 'node:stream'
import type { SessionHost, Ticket } from '@sallyport/protocol-kit'
import { limits } from '../limits.js'

export interface InflowOptions {
  readonly host: SessionHost
  readonly ticket: Ticket
  readonly failed: (thrown: unknown) => void
  /** Sees what is typed at a terminal, instead of its record by digest: digests of single keys would tell what was typed where nothing is echoed. */
  readonly typed?: (piece: Buffer) => void
}

/**
 * What a client sends into a running operation: each piece is recorded by its digest before it is forwarded, and at most
 * {@link limits.inputAheadBytesMax} bytes run ahead of their acknowledged records.
 */
export class Inflow {
  bytes = 0
  private pieces: Buffer[] = []
  private pieceBytes = 0
  private scheduled = false
  private stopped = false
  private ended = false
  private sequence = 0
  private ahead = 0

  constructor(
    private readonly options: InflowOptions,
    private readonly from: Readable,
    private readonly to: Writable,
  ) {}

  start(): void {
    this.from.on('data', (chunk: Buffer) => this.take(chunk))
    this.from.once('end', () => {
      this.ended = true
      this.flush()
    })
  }

  stop(): void {
    this.stopped = true
    this.pieces = []
    // What still comes is read and dropped, so that its end is seen.
    this.from.resume()
  }

  private take(chunk: Buffer): void {
    if (this.stopped) return
    this.pieces.push(chunk)
    this.pieceBytes += chunk.length
    if (this.pieceBytes >= limits.inputPieceBytesMax / 2) return this.flush()
    if (this.scheduled) return
    this.scheduled = true
    setImmediate(() => {
      this.scheduled = false
      this.flush()
    })
  }

  /** Records and forwards what was gathered. */
  private flush(): void {
    if (this.stopped) return
    try {
      if (this.pieceBytes > 0) this.forward(this.pieces.length === 1 ? this.pieces[0]! : Buffer.concat(this.pieces, this.pieceBytes))
    } catch (thrown) {
      this.stop()
      return this.options.failed(thrown)
    }
    if (this.ended) this.to.end()
  }

  private forward(piece: Buffer): void {
    this.pieces = []
    this.pieceBytes = 0
    this.bytes += piece.length
    const { host, ticket, typed } = this.options
    if (typed === undefined) {
      this.sequence = host.recordInput(ticket, piece)
      this.ahead += piece.length
    } else {
      typed(piece)
    }
    const room = this.to.write(piece)
    const writable = host.whenWritable('target')
    const recorded = this.ahead > limits.inputAheadBytesMax ? host.whenAcknowledged(this.sequence).then(() => { this.ahead = 0 }) : undefined
    if (room && writable === undefined && recorded === undefined) return
    this.from.pause()
    const drained = room ? undefined : new Promise<void>((resolve) => {
      this.to.once('drain', resolve)
      this.to.once('close', resolve)
    })
    Promise.all([drained, writable, recorded]).then(() => this.from.resume(), (thrown: unknown) => {
      this.stop()
      this.options.failed(thrown)
    })
  }
}
