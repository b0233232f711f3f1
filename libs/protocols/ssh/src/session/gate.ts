import type { HoldNotice, Operation, SessionHost, Verdict } from '@sallyport/protocol-kit'

/** Judges one session's operations, which are several at a time, and knows whether one of them waits for people. */
export class Gate {
  private held = 0
  private readonly closing = new AbortController()

  constructor(private readonly host: SessionHost) {}

  /** Whether anything of this session is held: then no way out of it may be opened. */
  get holding(): boolean {
    return this.held > 0
  }

  /** The target is gone: what waits for people is given up. */
  close(): void {
    this.closing.abort()
  }

  async judge(operation: Operation, onHeld: (notice: HoldNotice) => void, signal: AbortSignal): Promise<Verdict> {
    let waits = false
    try {
      return await this.host.judge(operation, (notice) => {
        if (!waits) this.held += 1
        waits = true
        onHeld(notice)
      }, AbortSignal.any([signal, this.closing.signal]))
    } finally {
      if (waits) this.held -= 1
    }
  }
}
