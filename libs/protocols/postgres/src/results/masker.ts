import type { MaskPlan, OutputPlan } from '@sallyport/protocol-kit'
import type { Field } from '../codec/decode.js'
import { MalformedFrame } from '../codec/malformed.js'
import type { TextCodec } from '../encodings.js'
import type { Command } from '../session/command.js'
import type { Outflow } from '../session/outflow.js'
import { maskField } from './mask-field.js'

interface Column {
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
      return output === undefined ? undefined : { field, plan: output }
    })
    this.passesAll = plan.passesAll || this.columns.every((column) => column === undefined)
    this.lastIndex = this.columns.findLastIndex((column) => column !== undefined)
  }

  /**
   * Delivers the DataRow `buffer[start, end)`: as it is when no field changes, else rewritten.
   * @throws MalformedFrame when the row's lengths lie.
   */
  deliver(buffer: Buffer, start: number, end: number, out: Outflow, command: Command): void {
    const { columns, lastIndex } = this
    if (end - start < 7) throw new MalformedFrame('insufficient data left in message')
    if (buffer.readUInt16BE(start + 5) !== columns.length) throw new MalformedFrame('a row has another number of fields than its description')
    let at = start + 7
    let kept = start
    let frame = -1
    let length = end - start
    for (let index = 0; index <= lastIndex; index++) {
      const from = at + 4
      if (from > end) throw new MalformedFrame('insufficient data left in message')
      const size = ((buffer[at] as number) << 24) | ((buffer[at + 1] as number) << 16) | ((buffer[at + 2] as number) << 8) | (buffer[at + 3] as number)
      const to = size < 0 ? from : from + size
      if (to > end || size < -1) throw new MalformedFrame('insufficient data left in message')
      const column = size < 0 ? undefined : columns[index]
      if (column !== undefined) {
        const masked = maskField(buffer, from, to, column.field, column.plan, this.codec)
        if (masked !== undefined) {
          if (frame < 0) frame = out.beginFrame(buffer, start, at, command)
          else out.keep(buffer, kept, at, command)
          length += this.put(masked, out, command) - (to - from)
          kept = to
          command.countMasked(column.plan.mask.rule)
        }
      }
      at = to
    }
    if (frame < 0) {
      out.pass(buffer, start, end, command)
      return
    }
    out.endFrame(frame, length)
    if (kept < end) out.pass(buffer, kept, end, command)
  }

  /** Answers how many bytes the new value has. */
  private put(masked: string | Buffer | null, out: Outflow, command: Command): number {
    if (typeof masked === 'string') {
      if (out.asciiField(masked, command)) return masked.length
      const encoded = this.codec?.encode(masked) ?? null
      out.field(encoded, command)
      return encoded === null ? 0 : encoded.length
    }
    out.field(masked, command)
    return masked === null ? 0 : masked.length
  }
}
