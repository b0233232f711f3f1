import type { OutputFilter } from '../channels/relay.js'
import { reportMarks } from './wrapped-line.js'

/** Of one reported text; a longer one is dropped, and nothing is known then. */
const REPORT_BYTES_MAX = 128 * 1024

/** Takes out of a command's output what it reports to the gateway, and lets everything else pass: what could be a mark's beginning waits for more. */
export class ReportFilter implements OutputFilter {
  readonly texts: string[] = []
  private readonly begin: Buffer
  private readonly end_: Buffer
  private rest: Buffer = Buffer.alloc(0)
  /** Pieces of the text that is being reported. */
  private reported: Buffer[] | undefined
  private reportedBytes = 0

  constructor(nonce: string) {
    const { begin, end } = reportMarks(nonce)
    this.begin = Buffer.from(begin)
    this.end_ = Buffer.from(end)
  }

  write(chunk: Buffer): Buffer {
    let bytes = this.rest.length === 0 ? chunk : Buffer.concat([this.rest, chunk])
    const out: Buffer[] = []
    for (;;) {
      const mark = this.reported === undefined ? this.begin : this.end_
      const at = bytes.indexOf(mark)
      if (at === -1) {
        const kept = this.kept(bytes, mark)
        this.take(bytes.subarray(0, bytes.length - kept), out)
        this.rest = Buffer.from(bytes.subarray(bytes.length - kept))
        return out.length === 1 ? out[0]! : Buffer.concat(out)
      }
      this.take(bytes.subarray(0, at), out)
      if (this.reported === undefined) this.reported = []
      else this.close(this.reported)
      bytes = bytes.subarray(at + mark.length)
    }
  }

  end(): Buffer {
    const { rest } = this
    this.rest = Buffer.alloc(0)
    return this.reported === undefined ? rest : Buffer.alloc(0)
  }

  private close(reported: readonly Buffer[]): void {
    this.texts.push(this.reportedBytes > REPORT_BYTES_MAX ? '' : Buffer.concat(reported).toString('utf8'))
    this.reported = undefined
    this.reportedBytes = 0
  }

  private take(piece: Buffer, out: Buffer[]): void {
    if (this.reported === undefined) {
      out.push(piece)
      return
    }
    this.reportedBytes += piece.length
    if (this.reportedBytes <= REPORT_BYTES_MAX) this.reported.push(Buffer.from(piece))
  }

  /** How many of the last bytes could be the mark's first. */
  private kept(bytes: Buffer, mark: Buffer): number {
    for (let length = Math.min(mark.length - 1, bytes.length); length > 0; length -= 1) {
      if (bytes.subarray(bytes.length - length).equals(mark.subarray(0, length))) return length
    }
    return 0
  }
}
