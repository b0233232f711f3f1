import type { MaskPlan, OutputPlan } from '@sallyport/protocol-kit'
import type { Field } from '../codec/decode.js'
import { MalformedFrame } from '../codec/malformed.js'
import type { TextCodec } from '../encodings.js'
import { maskField } from './mask-field.js'

/** Where rewritten rows go: large buffers filled from the front, never reused, so that what was sent stays as it is. */
export class Scratch {
  buffer: Buffer = Buffer.alloc(0)
  used = 0

  /** Makes room for `count` bytes behind `from` (where the current row starts), moving an unfinished row to a new buffer. Answers the row's new start. */
  reserve(count: number, from: number): number {
    if (this.used + count <= this.buffer.length) return from
    const unfinished = this.used - from
    const grown = Buffer.allocUnsafeSlow(Math.max(scratchBytes, (unfinished + count) * 2))
    this.buffer.copy(grown, 0, from, this.used)
    this.buffer = grown
    this.used = unfinished
    return 0
  }
}

const scratchBytes = 128 * 1024

interface Column {
  readonly index: number
  readonly field: Field
  readonly plan: OutputPlan
}

/** A MaskPlan made ready for one row shape. */
export class Masker {
  readonly passesAll: boolean
  private readonly columns: readonly (Column | undefined)[]
  private readonly lastIndex: number

  constructor(readonly plan: MaskPlan, fields: readonly Field[], private readonly codec: TextCodec | undefined) {
    this.columns = fields.map((field, index) => {
      const output = plan.outputs[index]
      return output === undefined ? undefined : { index, field, plan: output }
    })
    this.passesAll = plan.passesAll || this.columns.every((column) => column === undefined)
    this.lastIndex = this.columns.findLastIndex((column) => column !== undefined)
  }

  /**
   * Rewrites the DataRow `buffer[start, end)` into the scratch. Answers its start there, or -1 when nothing changed (and nothing was written).
   * @throws MalformedFrame when the row's lengths lie.
   */
  rewrite(buffer: Buffer, start: number, end: number, scratch: Scratch, count: (rule: string) => void): number {
    if (end - start < 7) throw new MalformedFrame('insufficient data left in message')
    const fields = buffer.readUInt16BE(start + 5)
    if (fields !== this.columns.length) throw new MalformedFrame('a row has another number of fields than its description')
    let at = start + 7
    let copied = start
    let row = -1
    for (let index = 0; index <= this.lastIndex; index++) {
      if (at + 4 > end) throw new MalformedFrame('insufficient data left in message')
      const length = buffer.readInt32BE(at)
      const from = at + 4
      const to = length < 0 ? from : from + length
      if (to > end || length < -1) throw new MalformedFrame('insufficient data left in message')
      const column = this.columns[index]
      if (column !== undefined && length >= 0) {
        const masked = maskField(buffer, from, to, column.field, column.plan, this.codec)
        if (masked !== undefined) {
          if (row < 0) row = scratch.used
          row = put(scratch, row, buffer, copied, at, masked)
          copied = to
          count(column.plan.mask.rule)
        }
      }
      at = to
    }
    if (row < 0) return -1
    row = scratch.reserve(end - copied, row)
    buffer.copy(scratch.buffer, scratch.used, copied, end)
    scratch.used += end - copied
    scratch.buffer.writeInt32BE(scratch.used - row - 1, row + 1)
    return row
  }
}

/** Appends what precedes a field, then the field's new value with its length. */
const put = (scratch: Scratch, row: number, buffer: Buffer, from: number, to: number, value: Buffer | null): number => {
  const length = value === null ? 0 : value.length
  const start = scratch.reserve(to - from + 4 + length, row)
  buffer.copy(scratch.buffer, scratch.used, from, to)
  scratch.used += to - from
  scratch.buffer.writeInt32BE(value === null ? -1 : length, scratch.used)
  scratch.used += 4
  if (value !== null) {
    value.copy(scratch.buffer, scratch.used)
    scratch.used += length
  }
  return start
}
