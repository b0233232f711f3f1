import type { MaskPlan } from '@sallyport/protocol-kit'
import { message } from '../codec/encode.js'
import { MalformedFrame } from '../codec/malformed.js'
import { backend } from '../codec/types.js'
import type { TextCodec } from '../encodings.js'
import type { CopyFormat } from './copy-format.js'

/** A field as its line carries it, or null. */
type Field = string | null

const unescapes: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }
const escapes: Readonly<Record<string, string>> = { '\b': '\\b', '\f': '\\f', '\n': '\\n', '\r': '\\r', '\t': '\\t', '\v': '\\v', '\\': '\\\\' }

const readText = (line: string): Field[] =>
  line.split('\t').map((field) => (field === '\\N' ? null : field.replace(/\\([\s\S])/g, (_, letter: string) => unescapes[letter] ?? letter)))

const writeText = (fields: readonly Field[]): string =>
  fields.map((field) => (field === null ? '\\N' : field.replace(/[\b\f\n\r\t\v\\]/g, (letter) => escapes[letter] ?? letter))).join('\t')

/** One record; quotes are doubled inside quotes, an empty field without quotes is null. */
const readCsv = (line: string): Field[] => {
  const fields: Field[] = []
  const pattern = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/gy
  while (pattern.lastIndex <= line.length) {
    const match = pattern.exec(line)
    if (match === null) throw new MalformedFrame('a line of COPY is not CSV')
    const [, quoted, plain, separator] = match
    fields.push(quoted !== undefined ? quoted.replaceAll('""', '"') : plain === '' || plain === undefined ? null : plain)
    if (separator === '') break
  }
  return fields
}

const writeCsv = (fields: readonly Field[]): string =>
  fields.map((field) => (field === null ? '' : field === '' || /[",\r\n\\]|^\s|\s$/.test(field) ? `"${field.replaceAll('"', '""')}"` : field)).join(',')

/** Masks COPY TO STDOUT line by line. PostgreSQL sends one CopyData for each row; anything else ends the session, because it can't be masked. */
export class CopyMasker {
  private header: boolean

  constructor(private readonly plan: MaskPlan, private readonly columns: number, private readonly format: CopyFormat, private readonly codec: TextCodec | undefined) {
    this.header = format.kind === 'csv' && format.header
  }

  /** The frame to send instead of `buffer[start, end)`; undefined: the frame passes. @throws MalformedFrame */
  rewrite(buffer: Buffer, start: number, end: number, count: (rule: string) => void): Buffer | undefined {
    if (buffer[end - 1] !== 0x0a) throw new MalformedFrame('COPY data came in pieces and cannot be masked')
    if (this.header) {
      this.header = false
      return undefined
    }
    const csv = this.format.kind === 'csv'
    const line = (this.codec?.decode ?? latin1)(buffer.subarray(start + 5, end - 1))
    const fields = csv ? readCsv(line) : readText(line)
    if (fields.length !== this.columns && !(this.columns === 0 && line === '')) throw new MalformedFrame('a row of COPY has another number of fields than announced')
    let changed = false
    const masked = fields.map((field, index): Field => {
      const output = this.plan.outputs[index]
      if (output === undefined || field === null) return field
      const value = this.codec === undefined ? null : output.mask.apply(field)
      if (value === undefined) return field
      changed = true
      count(output.mask.rule)
      return value
    })
    if (!changed) return undefined
    const text = `${csv ? writeCsv(masked) : writeText(masked)}\n`
    return message(backend.copyData, this.codec?.encode(text) ?? Buffer.from(text.replace(/[^\0-\x7f]/g, '?'), 'latin1'))
  }
}

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1')
