import { limits } from '../limits.js'
import { MalformedFrame } from './malformed.js'

/** Walks the body of one message. Every read is bounded by the frame. @throws MalformedFrame when the message ends too early. */
export class BodyReader {
  at: number
  constructor(readonly buffer: Buffer, start: number, readonly end: number) {
    this.at = start
  }

  private need(count: number): number {
    const from = this.at
    if (count < 0 || from + count > this.end) throw new MalformedFrame('insufficient data left in message')
    this.at = from + count
    return from
  }

  uint8(): number {
    return this.buffer.readUInt8(this.need(1))
  }

  int16(): number {
    return this.buffer.readInt16BE(this.need(2))
  }

  /** Counts of parameters and formats go up to 65,535. */
  uint16(): number {
    return this.buffer.readUInt16BE(this.need(2))
  }

  int32(): number {
    return this.buffer.readInt32BE(this.need(4))
  }

  uint32(): number {
    return this.buffer.readUInt32BE(this.need(4))
  }

  /** Bytes of a NUL-terminated string, without the NUL. */
  cstring(): Buffer {
    const from = this.at
    const nul = this.buffer.indexOf(0, from)
    if (nul < 0 || nul >= this.end) throw new MalformedFrame('invalid string in message')
    this.at = nul + 1
    return this.buffer.subarray(from, nul)
  }

  /** A NUL-terminated name as a map key: bytes one to one, so that names in any encoding stay apart. */
  name(): string {
    const from = this.at
    if (this.buffer[from] === 0 && from < this.end) {
      this.at = from + 1
      return ''
    }
    const nul = this.buffer.indexOf(0, from)
    if (nul < 0 || nul >= this.end) throw new MalformedFrame('invalid string in message')
    this.at = nul + 1
    return this.buffer.toString('latin1', from, nul)
  }

  bytes(count: number): Buffer {
    const from = this.need(count)
    return this.buffer.subarray(from, from + count)
  }

  skip(count: number): void {
    this.need(count)
  }

  /** A length-prefixed value; null for -1. */
  value(): Buffer | null {
    const length = this.int32()
    return length === -1 ? null : this.bytes(length)
  }

  /** @throws MalformedFrame when something is left. */
  finish(): void {
    if (this.at !== this.end) throw new MalformedFrame('invalid message format')
  }
}

export interface Field {
  readonly name: string
  readonly table: number
  readonly attribute: number
  readonly type: number
  /** 0 text, 1 binary. */
  readonly format: number
}

/** RowDescription. @throws MalformedFrame */
export const decodeRowDescription = (buffer: Buffer, start: number, end: number, decodeText: (bytes: Buffer) => string): readonly Field[] => {
  const body = new BodyReader(buffer, start + 5, end)
  const count = body.int16()
  if (count < 0 || count > limits.resultColumnsMax) throw new MalformedFrame('more columns than a result can have')
  const fields: Field[] = []
  for (let index = 0; index < count; index++) {
    const name = decodeText(body.cstring())
    const table = body.uint32()
    const attribute = body.int16()
    const type = body.uint32()
    body.skip(6)
    fields.push({ name, table, attribute, type, format: body.int16() })
  }
  body.finish()
  return fields
}

/** Fields of ErrorResponse or NoticeResponse as code and raw text. @throws MalformedFrame */
export const decodeFields = (buffer: Buffer, start: number, end: number): readonly (readonly [code: number, text: Buffer])[] => {
  const body = new BodyReader(buffer, start + 5, end)
  const fields: (readonly [number, Buffer])[] = []
  for (let code = body.uint8(); code !== 0; code = body.uint8()) fields.push([code, body.cstring()])
  body.finish()
  return fields
}
