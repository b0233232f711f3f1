import type { OutputPlan } from '@sallyport/protocol-kit'
import type { Field } from '../codec/decode.js'
import type { TextCodec } from '../encodings.js'
import { isBuiltIn, isTextLike, oid, readableValue } from '../values.js'

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
const utf8 = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')

const numericOid = 1700
const arrays: ReadonlySet<number> = new Set([1000, 1001, 1002, 1003, 1005, 1007, 1009, 1014, 1015, 1016, 1021, 1022, 1028, 1115, 1182, 1185, 1231, 2951, 199, 3807, 2287])

/** What a text form must look like to be one of its type; types that aren't here and aren't text take no placeholder at all. */
const forms: Readonly<Record<number, RegExp>> = {
  [oid.int2]: /^-?\d{1,4}$/,
  [oid.int4]: /^-?\d{1,9}$/,
  [oid.int8]: /^-?\d{1,18}$/,
  [oid.oid]: /^\d{1,9}$/,
  [numericOid]: /^-?\d+(?:\.\d+)?$/,
  [oid.float4]: /^-?\d{1,30}(?:\.\d+)?$/,
  [oid.float8]: /^-?\d{1,300}(?:\.\d+)?$/,
  [oid.uuid]: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/,
}

/** The new value of a field (text still to be encoded, or bytes), null for SQL NULL, undefined when it passes. Whatever can't be masked in its type is nulled, never let through. */
export const maskField = (buffer: Buffer, from: number, to: number, field: Field, plan: OutputPlan, codec: TextCodec | undefined): string | Buffer | null | undefined => {
  const { type, format } = field
  if (format === 0) {
    if (codec === undefined) return null
    if (type === oid.bytea) return bytes(fromHex(buffer, from, to), plan)
    return textForm(buffer, from, to, type, plan, codec)
  }
  if (isTextLike(type)) return codec === undefined ? null : textForm(buffer, from, to, type, plan, codec)
  if (type === oid.jsonb) return jsonb(buffer, from, to, plan)
  return bytes(buffer.subarray(from, to), plan, type)
}

const NULL_FIELD = Buffer.from([0xff, 0xff, 0xff, 0xff])

/** What every value of a column becomes, with its length in front; undefined where that depends on the value. */
export const readyField = (field: Field, plan: OutputPlan, codec: TextCodec | undefined): Buffer | undefined => {
  // The binary form of jsonb has a version, which decides.
  if (plan.mask.constant === undefined || plan.kind !== 'column' || (field.format === 1 && field.type === oid.jsonb)) return undefined
  const masked = maskField(NULL_FIELD, 0, 0, field, plan, codec)
  const value = typeof masked === 'string' ? codec?.encode(masked) : masked
  if (!Buffer.isBuffer(value)) return NULL_FIELD
  const ready = Buffer.allocUnsafe(4 + value.length)
  ready.writeInt32BE(value.length)
  value.copy(ready, 4)
  return ready
}

const textForm = (buffer: Buffer, from: number, to: number, type: number, plan: OutputPlan, codec: TextCodec): string | null | undefined => {
  const { constant } = plan.mask
  const masked = constant === undefined ? plan.mask.apply(codec.slice(buffer, from, to)) : constant
  if (masked === undefined || masked === null) return masked
  return fit(masked, type, plan.kind)
}

/** Text that a client can still parse as the type, or null. */
const fit = (masked: string, type: number, kind: OutputPlan['kind']): string | null => {
  if (masked.includes('\0')) return null
  if (type === oid.json || type === oid.jsonb) return fitJson(masked, kind)
  if (isTextLike(type)) return masked
  if (arrays.has(type)) return kind === 'content' && /^[[{(]/.test(masked) ? masked : null
  if (!isBuiltIn(type)) return masked
  return forms[type]?.test(masked) === true ? masked : null
}

const fitJson = (masked: string, kind: OutputPlan['kind']): string | null => {
  if (kind === 'column') return JSON.stringify(masked)
  try {
    JSON.parse(masked)
    return masked
  } catch {
    return null
  }
}

const jsonb = (buffer: Buffer, from: number, to: number, plan: OutputPlan): Buffer | null | undefined => {
  if (buffer[from] !== 1) return null
  const masked = plan.mask.apply(buffer.toString('utf8', from + 1, to))
  if (masked === undefined || masked === null) return masked
  const fitting = fitJson(masked, plan.kind)
  return fitting === null ? null : Buffer.concat([Buffer.from([1]), Buffer.from(fitting, 'utf8')])
}

/** A value that isn't text: a masked column is nulled; content is looked for in every reading of the bytes, and nulled when found. */
const bytes = (value: Buffer | undefined, plan: OutputPlan, type: number = oid.bytea): null | undefined => {
  if (value === undefined || plan.kind === 'column') return null
  if (plan.mask.apply(readableValue(value, type, 1, utf8)) !== undefined) return null
  return plan.mask.apply(type === oid.bytea ? utf8(value) : latin1(value)) === undefined ? undefined : null
}

/** bytea in text format; the old escape format is read as the text it is. */
const fromHex = (buffer: Buffer, from: number, to: number): Buffer | undefined => {
  if (to - from < 2 || buffer[from] !== 0x5c || buffer[from + 1] !== 0x78) return Buffer.from(buffer.subarray(from, to))
  const decoded = Buffer.from(buffer.toString('latin1', from + 2, to), 'hex')
  return decoded.length * 2 === to - from - 2 ? decoded : undefined
}
