import type { Outcome } from '@sallyport/protocol-kit'
import { decodeRowDescription } from '../codec/decode.js'
import { MalformedFrame } from '../codec/malformed.js'
import { backend } from '../codec/types.js'
import { readableValue } from '../values.js'

/** What is needed to read delivered rows again. */
export interface CapturedShape {
  readonly names: readonly string[]
  readonly types: readonly number[]
  readonly formats: readonly number[]
  readonly decode: (bytes: Uint8Array) => string
}

type Result = NonNullable<Outcome['result']>

/** Reads the rows out of the bytes that were delivered (they begin at a frame, and may be cut anywhere). COPY data counts as rows of one column. */
export const capturedResult = (kept: readonly Buffer[], shape: CapturedShape | undefined, truncated: boolean): Result => {
  const bytes = kept.length === 1 ? (kept[0] as Buffer) : Buffer.concat(kept)
  const rows: (string | null)[][] = []
  let current = shape
  let columns: readonly string[] = shape?.names ?? []
  // Most of it is ASCII: cut out of one string, instead of a string decoded for each value.
  const plain = bytes.toString('latin1')
  let at = 0
  let cut = truncated
  while (at + 5 <= bytes.length) {
    const end = at + 1 + bytes.readInt32BE(at + 1)
    if (end > bytes.length) {
      cut = true
      break
    }
    switch (bytes[at]) {
      case backend.rowDescription:
        current = described(bytes, at, end, shape?.decode ?? utf8)
        columns = current.names
        break
      case backend.dataRow:
        rows.push(rowValues(bytes, plain, at + 7, current))
        break
      case backend.copyData:
        if (columns.length === 0) columns = ['copy']
        rows.push([(shape?.decode ?? utf8)(bytes.subarray(at + 5, end))])
        break
      default:
    }
    at = end
  }
  return { columns, rows, truncated: cut }
}

const utf8 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('utf8')

const described = (bytes: Buffer, start: number, end: number, decode: (bytes: Uint8Array) => string): CapturedShape => {
  try {
    const fields = decodeRowDescription(bytes, start, end, decode)
    return { names: fields.map((field) => field.name), types: fields.map((field) => field.type), formats: fields.map((field) => field.format), decode }
  } catch (error) {
    if (error instanceof MalformedFrame) return { names: [], types: [], formats: [], decode }
    throw error
  }
}

/** The same characters in every encoding that is read here. */
const isAscii = (bytes: Buffer, start: number, end: number): boolean => {
  for (let at = start; at < end; at++) if ((bytes[at] as number) > 0x7f) return false
  return true
}

/** Frames here went through the masking or are the target's own: a length that lies shows as the end of the row. */
const rowValues = (bytes: Buffer, plain: string, start: number, shape: CapturedShape | undefined): (string | null)[] => {
  const count = bytes.readUInt16BE(start - 2)
  const values: (string | null)[] = []
  let at = start
  for (let index = 0; index < count && at + 4 <= bytes.length; index++) {
    const length = bytes.readInt32BE(at)
    at += 4
    if (length < 0) {
      values.push(null)
      continue
    }
    const format = shape?.formats[index] ?? 0
    if (format === 0 && isAscii(bytes, at, at + length)) values.push(plain.slice(at, at + length))
    else values.push(readableValue(bytes.subarray(at, at + length), shape?.types[index] ?? 25, format, shape?.decode ?? utf8))
    at += length
  }
  return values
}
