import { createHash, type Hash } from 'node:crypto'

/** What of one file went in one direction: how much, its digest in the order in which it went, and whether that is the file's own. */
export class Content {
  size = 0
  sequential = true
  private next = 0n
  private readonly hash: Hash = createHash('sha256')

  add(data: Uint8Array, offset: bigint): void {
    if (offset !== this.next) this.sequential = false
    this.next = offset + BigInt(data.length)
    this.size += data.length
    this.hash.update(data)
  }

  /** Once. Hex. */
  digest(): string {
    return this.hash.digest('hex')
  }
}
