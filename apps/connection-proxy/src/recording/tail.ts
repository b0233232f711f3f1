/** One event on its way to the store. */
export interface TailEntry {
  readonly sequence: number
  readonly text: string
}

/**
 * What one session has published or is about to, until the store has it: kept so that a gap can be published again.
 * Pure; entries are in order and contiguous, so dropping is by watermark.
 */
export class Tail {
  private entries: TailEntry[] = []
  private first = 0
  private size = 0

  /** Characters held, as a stand-in for bytes. */
  get chars(): number {
    return this.size
  }

  get empty(): boolean {
    return this.entries.length === this.first
  }

  push(entry: TailEntry): void {
    this.entries.push(entry)
    this.size += entry.text.length
  }

  /** Drops what is stored, answers how many characters that freed. */
  dropThrough(sequence: number): number {
    const before = this.size
    while (this.first < this.entries.length && this.entries[this.first]!.sequence <= sequence) {
      this.size -= this.entries[this.first]!.text.length
      this.first += 1
    }
    if (this.first > 64 && this.first * 2 > this.entries.length) {
      this.entries = this.entries.slice(this.first)
      this.first = 0
    }
    return before - this.size
  }

  between(from: number, to: number): readonly TailEntry[] {
    return this.entries.slice(this.first).filter((entry) => entry.sequence >= from && entry.sequence <= to)
  }
}
