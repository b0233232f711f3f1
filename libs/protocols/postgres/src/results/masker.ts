import type { MaskPlan, OutputPlan } from '@sallyport/protocol-kit'
import type { Field } from '../codec/decode.js'
import { MalformedFrame } from '../codec/malformed.js'
import type { TextCodec } from '../encodings.js'
import type { Command } from '../session/command.js'
import { viewOf, type Outflow } from '../session/outflow.js'
import { maskField, readyField } from './mask-field.js'

interface Column {
  readonly field: Field
  readonly plan: OutputPlan
}

/** Four bytes at a time: rows are short, and for each of these ranges a call would take longer than the copy. Answers where the copy ends. */
const copy = (source: DataView, from: number, end: number, target: DataView, at: number): number => {
  let index = from
  let put = at
  for (const whole = end - 3; index < whole; index += 4, put += 4) target.setInt32(put, source.getInt32(index))
  for (; index < end; index++, put++) target.setUint8(put, source.getUint8(index))
  return put
}

/** A MaskPlan made ready for one row shape. */
export class Masker {
  readonly passesAll: boolean
  private readonly columns: readonly (Column | undefined)[]
  private readonly lastIndex: number
  /** The masked columns' fields with their lengths as they are delivered, when none depends on the value. */
  private readonly ready: readonly (DataView | undefined)[] | undefined
  private readonly growth: number
  private source: Buffer | undefined
  private view: DataView = new DataView(new ArrayBuffer(0))

  constructor(readonly plan: MaskPlan, fields: readonly Field[], private readonly codec: TextCodec | undefined) {
    this.columns = fields.map((field, index) => {
      const output = plan.outputs[index]
      return output === undefined ? undefined : { field, plan: output }
    })
    this.passesAll = plan.passesAll || this.columns.every((column) => column === undefined)
    this.lastIndex = this.columns.findLastIndex((column) => column !== undefined)
    const ready = this.columns.map((column) => {
      const bytes = column && readyField(column.field, column.plan, codec)
      return bytes && viewOf(bytes)
    })
    this.ready = ready.every((bytes, index) => bytes !== undefined || this.columns[index] === undefined) ? ready : undefined
    this.growth = ready.reduce((sum, bytes) => sum + (bytes?.byteLength ?? 0), 0)
  }

  /**
   * Delivers the DataRow `buffer[start, end)`: as it is when no field changes, else rewritten.
   * @throws MalformedFrame when the row's lengths lie.
   */
  deliver(buffer: Buffer, start: number, end: number, out: Outflow, command: Command): void {
    const { columns, lastIndex } = this
    if (end - start < 7) throw new MalformedFrame('insufficient data left in message')
    if (buffer.readUInt16BE(start + 5) !== columns.length) throw new MalformedFrame('a row has another number of fields than its description')
    if (this.ready !== undefined) {
      this.replace(this.ready, buffer, start, end, out, command)
      return
    }
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

  /** {@link deliver} where the new values are known: one pass, each byte moved once. */
  private replace(ready: readonly (DataView | undefined)[], buffer: Buffer, start: number, end: number, out: Outflow, command: Command): void {
    const { columns, lastIndex } = this
    const first = out.room(end - start + this.growth)
    if (this.source !== buffer) {
      this.source = buffer
      this.view = viewOf(buffer)
    }
    const { view } = this
    const target = out.view
    let put = first
    let kept = start
    let at = start + 7
    for (let index = 0; index <= lastIndex; index++) {
      const from = at + 4
      if (from > end) throw new MalformedFrame('insufficient data left in message')
      const size = view.getInt32(at)
      const to = size < 0 ? from : from + size
      if (to > end || size < -1) throw new MalformedFrame('insufficient data left in message')
      const bytes = ready[index]
      if (bytes !== undefined && size >= 0) {
        put = copy(bytes, 0, bytes.byteLength, target, copy(view, kept, at, target, put))
        kept = to
        command.countMasked(columns[index]?.plan.mask.rule ?? '')
      }
      at = to
    }
    put = copy(view, kept, end, target, put)
    target.setInt32(first + 1, put - first - 1)
    out.took(put - first, command)
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
