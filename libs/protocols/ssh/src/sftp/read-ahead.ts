import type { Readable } from 'node:stream'

/** Reads a stream a little ahead of who works on it, so that its end is seen while that one waits. */
export class ReadAhead {
  private readonly leaving = new AbortController()
  private chunks: Buffer[] = []
  private bytes = 0
  private ended = false
  private wake: () => void = () => undefined

  constructor(private readonly from: Readable, private readonly bytesMax: number) {
    from.on('data', (chunk: Buffer) => {
      if (this.ended) return
      this.chunks.push(chunk)
      this.bytes += chunk.length
      if (this.bytes >= this.bytesMax) from.pause()
      this.wake()
    })
    from.once('end', () => this.end())
    from.once('close', () => this.end())
  }

  /** Aborted when the stream has ended: whoever wrote it waits for nothing any more. */
  get left(): AbortSignal {
    return this.leaving.signal
  }

  /** Whether there is something to work on. */
  get ready(): boolean {
    return this.chunks.length > 0
  }

  /** What has come since the last call, one chunk at a time; undefined at the end. */
  async next(): Promise<Buffer | undefined> {
    while (this.chunks.length === 0 && !this.ended) await new Promise<void>((resolve) => { this.wake = resolve })
    const chunk = this.chunks.shift()
    if (chunk === undefined) return undefined
    this.bytes -= chunk.length
    if (this.bytes < this.bytesMax && !this.ended) this.from.resume()
    return chunk
  }

  /** Nothing more is taken; what still comes is read and dropped. */
  stop(): void {
    this.end()
    this.chunks = []
    this.from.resume()
  }

  private end(): void {
    this.ended = true
    this.leaving.abort()
    this.wake()
  }
}
