/**
 * PostgreSQL arrays in their binary form (src/backend/utils/adt/arrayfuncs.c, array_recv), one dimension. node-postgres sends a
 * Buffer as a binary parameter: no escaping, no hexadecimal, one copy.
 */
const HEADER_BYTES = 20
const TEXT_OID = 25
const INT8_OID = 20
const UUID_OID = 2950
const BYTEA_OID = 17
const TIMESTAMPTZ_OID = 1184
const JSON_OID = 114
/** Milliseconds from the Unix epoch to 2000-01-01, PostgreSQL's. */
const POSTGRES_EPOCH_MS = 946_684_800_000

const header = (target: Buffer, oid: number, count: number, nulls: boolean): void => {
  target.writeInt32BE(1, 0)
  target.writeInt32BE(nulls ? 1 : 0, 4)
  target.writeInt32BE(oid, 8)
  target.writeInt32BE(count, 12)
  target.writeInt32BE(1, 16)
}

const empty = (oid: number): Buffer => {
  const buffer = Buffer.alloc(12)
  buffer.writeInt32BE(oid, 8)
  return buffer
}

const stringArray = (oid: number, values: readonly (string | null)[]): Buffer => {
  if (values.length === 0) return empty(oid)
  let bytes = HEADER_BYTES
  for (const value of values) bytes += 4 + (value === null ? 0 : Buffer.byteLength(value))
  const target = Buffer.allocUnsafe(bytes)
  let offset = HEADER_BYTES
  let nulls = false
  for (const value of values) {
    if (value === null) {
      nulls = true
      offset = target.writeInt32BE(-1, offset)
      continue
    }
    const written = target.write(value, offset + 4)
    target.writeInt32BE(written, offset)
    offset += 4 + written
  }
  header(target, oid, values.length, nulls)
  return target
}

/** Values must not hold U+0000, which PostgreSQL's text can't. */
export const textArray = (values: readonly (string | null)[]): Buffer => stringArray(TEXT_OID, values)
/** Values are JSON texts. */
export const jsonArray = (values: readonly (string | null)[]): Buffer => stringArray(JSON_OID, values)

export const byteaArray = (values: readonly (Uint8Array | null)[]): Buffer => {
  if (values.length === 0) return empty(BYTEA_OID)
  let bytes = HEADER_BYTES
  for (const value of values) bytes += 4 + (value === null ? 0 : value.length)
  const target = Buffer.allocUnsafe(bytes)
  let offset = HEADER_BYTES
  let nulls = false
  for (const value of values) {
    if (value === null) {
      nulls = true
      offset = target.writeInt32BE(-1, offset)
      continue
    }
    target.writeInt32BE(value.length, offset)
    target.set(value, offset + 4)
    offset += 4 + value.length
  }
  header(target, BYTEA_OID, values.length, nulls)
  return target
}

const fixedArray = (oid: number, values: readonly (number | null)[], write: (target: Buffer, value: number, offset: number) => void): Buffer => {
  if (values.length === 0) return empty(oid)
  const target = Buffer.allocUnsafe(HEADER_BYTES + values.length * 12)
  let offset = HEADER_BYTES
  let nulls = false
  for (const value of values) {
    if (value === null) {
      nulls = true
      offset = target.writeInt32BE(-1, offset)
      continue
    }
    target.writeInt32BE(8, offset)
    write(target, value, offset + 4)
    offset += 12
  }
  header(target, oid, values.length, nulls)
  return target.subarray(0, offset)
}

const writeInt8 = (target: Buffer, value: number, offset: number): void => {
  const high = Math.floor(value / 2 ** 32)
  target.writeInt32BE(high, offset)
  target.writeUInt32BE(value - high * 2 ** 32, offset + 4)
}

/** Safe integers. */
export const int8Array = (values: readonly (number | null)[]): Buffer => fixedArray(INT8_OID, values, writeInt8)

/** Values are epoch milliseconds. */
export const timeArray = (values: readonly (number | null)[]): Buffer =>
  fixedArray(TIMESTAMPTZ_OID, values, (target, value, offset) => writeInt8(target, Math.round((value - POSTGRES_EPOCH_MS) * 1000), offset))

/** Values are UUIDs in their text form. */
export const uuidArray = (values: readonly string[]): Buffer => {
  if (values.length === 0) return empty(UUID_OID)
  const target = Buffer.allocUnsafe(HEADER_BYTES + values.length * 20)
  let offset = HEADER_BYTES
  for (const value of values) {
    target.writeInt32BE(16, offset)
    target.write(value.replaceAll('-', ''), offset + 4, 'hex')
    offset += 20
  }
  header(target, UUID_OID, values.length, false)
  return target
}
