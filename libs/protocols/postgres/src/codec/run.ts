/** Gathers adjacent ranges of one buffer so that they leave in a single write, without a copy. */
export class Run {
  private buffer: Buffer | undefined
  private start = 0
  private end = 0

  constructor(private readonly emit: (bytes: Uint8Array) => void) {}

  pass(buffer: Buffer, start: number, end: number): void {
    if (this.buffer === buffer && this.end === start) {
      this.end = end
      return
    }
    this.flush()
    this.buffer = buffer
    this.start = start
    this.end = end
  }

  /** Sends bytes of our own behind what was gathered. */
  write(bytes: Uint8Array): void {
    this.flush()
    this.emit(bytes)
  }

  flush(): void {
    const { buffer, start, end } = this
    if (buffer === undefined) return
    this.buffer = undefined
    if (end > start) this.emit(start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end))
  }
}
