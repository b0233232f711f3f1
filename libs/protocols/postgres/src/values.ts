/** Object ids of built-in types (PostgreSQL's pg_type.dat); they never change. */
export const oid = {
  bool: 16, bytea: 17, char: 18, name: 19, int8: 20, int2: 21, int4: 23, text: 25, oid: 26, json: 114, xml: 142, float4: 700, float8: 701, unknown: 705,
  bpchar: 1042, varchar: 1043, date: 1082, timestamp: 1114, timestamptz: 1184, uuid: 2950, jsonb: 3802, refcursor: 1790, cstring: 2275,
} as const

/** Types whose binary form is their text. */
const textLike: ReadonlySet<number> = new Set([oid.text, oid.varchar, oid.bpchar, oid.name, oid.json, oid.xml, oid.char, oid.unknown, oid.refcursor, oid.cstring])

export const isTextLike = (type: number): boolean => textLike.has(type)

/** Built-in types whose text form is not free: a placeholder would break the client that parses it. Everything at or above 16384 is the database's own. */
export const isBuiltIn = (type: number): boolean => type < 16384

const epochMs = Date.UTC(2000, 0, 1)
const hex = (bytes: Buffer): string => `\\x${bytes.toString('hex')}`

/** A timestamp in microseconds since 2000-01-01. */
const timestamp = (micros: bigint): string => {
  if (micros === 0x7fffffffffffffffn) return 'infinity'
  if (micros === -0x8000000000000000n) return '-infinity'
  const ms = Number(micros / 1000n) + epochMs
  return Math.abs(ms) > 8.64e15 ? String(micros) : new Date(ms).toISOString()
}

const date = (days: number): string => {
  const ms = days * 86_400_000 + epochMs
  return Math.abs(ms) > 8.64e15 ? String(days) : new Date(ms).toISOString().slice(0, 10)
}

/** Binary readers by type; each checks the length it needs. */
const readers: Readonly<Record<number, readonly [bytes: number, read: (bytes: Buffer) => string]>> = {
  [oid.bool]: [1, (bytes) => (bytes[0] === 0 ? 'f' : 't')],
  [oid.int2]: [2, (bytes) => String(bytes.readInt16BE(0))],
  [oid.int4]: [4, (bytes) => String(bytes.readInt32BE(0))],
  [oid.oid]: [4, (bytes) => String(bytes.readUInt32BE(0))],
  [oid.int8]: [8, (bytes) => String(bytes.readBigInt64BE(0))],
  [oid.float4]: [4, (bytes) => String(Number(bytes.readFloatBE(0).toPrecision(7)))],
  [oid.float8]: [8, (bytes) => String(bytes.readDoubleBE(0))],
  [oid.date]: [4, (bytes) => date(bytes.readInt32BE(0))],
  [oid.timestamp]: [8, (bytes) => timestamp(bytes.readBigInt64BE(0))],
  [oid.timestamptz]: [8, (bytes) => timestamp(bytes.readBigInt64BE(0))],
  [oid.uuid]: [16, (bytes) => bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')],
}

/** A value for people to read: for approvers and the record. Types that aren't known show as hexadecimal bytes. */
export const readableValue = (value: Buffer, type: number, format: number, decode: (bytes: Uint8Array) => string): string => {
  if (format === 0 || textLike.has(type)) return decode(value)
  if (type === oid.jsonb && value[0] === 1) return value.toString('utf8', 1)
  const reader = readers[type]
  return reader !== undefined && value.length === reader[0] ? reader[1](value) : hex(value)
}
