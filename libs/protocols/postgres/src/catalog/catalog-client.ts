import { Refusal } from '@sallyport/protocol-kit'
import { BodyReader } from '../codec/decode.js'
import { query } from '../codec/encode.js'
import { FrameReader } from '../codec/frames.js'
import { MalformedFrame } from '../codec/malformed.js'
import { backend } from '../codec/types.js'
import { limits } from '../limits.js'
import { targetError } from '../upstream/target-error.js'

export type Row = readonly (string | null)[]

interface Waiting {
  readonly resolve: (results: readonly (readonly Row[])[]) => void
  readonly reject: (refusal: Refusal) => void
}

/** Simple queries on the gateway's own connection, one at a time; results as text. */
export class CatalogClient {
  private readonly reader = new FrameReader((_, length) => {
    if (length > limits.targetMessageBytesMax) throw new MalformedFrame('a catalog answer is too large')
    return 'whole'
  })
  private waiting: Waiting | undefined
  private results: Row[][] = []
  private rows: Row[] = []
  private count = 0
  private failure: Refusal | undefined
  private last: Promise<unknown> = Promise.resolve()
  private closed: Refusal | undefined

  constructor(private readonly send: (bytes: Uint8Array) => void) {}

  /** One result set for each statement of the text. @throws Refusal `unavailable` */
  query(text: string): Promise<readonly (readonly Row[])[]> {
    const run = this.last.then(() => this.start(text))
    this.last = run.catch(() => undefined)
    return run
  }

  private start(text: string): Promise<readonly (readonly Row[])[]> {
    if (this.closed !== undefined) return Promise.reject(this.closed)
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject }
      this.results = []
      this.rows = []
      this.count = 0
      this.failure = undefined
      this.send(query(text))
    })
  }

  receive(chunk: Buffer): void {
    const { reader } = this
    try {
      reader.feed(chunk)
      while (reader.next()) this.frame()
    } catch (error) {
      const refusal = new Refusal('unavailable', 'the target broke the protocol on a catalog look-up', {}, { cause: error })
      this.close(refusal)
      throw refusal
    }
  }

  private frame(): void {
    const { type, buffer, start, end } = this.reader
    switch (type) {
      case backend.dataRow:
        this.count += 1
        if (this.count > limits.catalogRowsMax) throw new MalformedFrame('a catalog answer has too many rows')
        this.rows.push(readRow(new BodyReader(buffer, start + 5, end)))
        break
      case backend.commandComplete:
        this.results.push(this.rows)
        this.rows = []
        break
      case backend.error:
        this.failure = new Refusal('unavailable', `the target's catalog could not be asked (${targetError(buffer.subarray(start, end)).code})`)
        break
      case backend.readyForQuery:
        this.settle()
        break
      default:
    }
  }

  private settle(): void {
    const { waiting, failure, results } = this
    this.waiting = undefined
    if (failure === undefined) waiting?.resolve(results)
    else waiting?.reject(failure)
  }

  close(refusal: Refusal): void {
    this.closed ??= refusal
    const { waiting } = this
    this.waiting = undefined
    waiting?.reject(refusal)
  }
}

const readRow = (body: BodyReader): Row => {
  const values: (string | null)[] = []
  for (let count = body.int16(); count > 0; count--) values.push(body.value()?.toString('utf8') ?? null)
  body.finish()
  return values
}
