import type { Facts, Outcome, SessionHost, Ticket } from '@sallyport/protocol-kit'
import { Content } from './content.js'

/** A file or directory that a client has open on the target. */
export class OpenFile {
  readonly read = new Content()
  readonly written = new Content()
  entries = 0
  private problem: string | undefined
  private finished = false

  constructor(
    private readonly host: SessionHost,
    private readonly ticket: Ticket,
    readonly path: string,
    readonly mode: { readonly reads: boolean; readonly writes: boolean; readonly directory: boolean },
  ) {}

  /** Records a piece of what is written before it is forwarded; answers its sequence. */
  recordInput(piece: Uint8Array): number {
    return this.host.recordInput(this.ticket, piece)
  }

  failed(problem: string): void {
    this.problem ??= problem
  }

  /** The first call counts. */
  finish(outcome: Outcome['outcome']): void {
    if (this.finished) return
    this.finished = true
    const failed = outcome === 'completed' && this.problem !== undefined
    this.host.finish(this.ticket, {
      outcome: failed ? 'failed' : outcome, bytesOut: this.read.size, ...this.facts(), ...(this.problem === undefined ? {} : { error: { code: 'target', message: this.problem } }),
    })
  }

  private facts(): Pick<Outcome, 'facts' | 'digest' | 'rows'> {
    const { read, written, mode, path } = this
    if (mode.directory) return { rows: this.entries, facts: { path } }
    const digest = read.digest()
    const facts = (content: Content, direction: string, sha256: string): Facts => ({ path, direction, size: content.size, sha256, sequential: content.sequential })
    if (!mode.writes) return { digest, facts: facts(read, 'download', digest) }
    const upload = facts(written, 'upload', written.digest())
    return mode.reads ? { digest, facts: { ...upload, sizeRead: read.size, sha256Read: digest, sequentialRead: read.sequential } } : { facts: upload }
  }
}
