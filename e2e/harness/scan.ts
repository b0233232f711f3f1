import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { inflateRawSync } from 'node:zlib'
import { decodeFrames } from '@sallyport/contracts/recording'
import type pg from 'pg'

/** How a secret may be written: as it is, in hex, and in base64 at each of the three places where it can begin. */
const formsOf = (secret: string): { readonly form: string; readonly text: string }[] => {
  const bytes = Buffer.from(secret)
  const base64 = [0, 1, 2].map((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64url')
    // Characters at both ends depend on the neighbours.
    return encoded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6))
  })
  const forms = [
    { form: 'plain', text: secret },
    { form: 'hex', text: bytes.toString('hex') },
    { form: 'HEX', text: bytes.toString('hex').toUpperCase() },
    ...base64.flatMap((text) => [{ form: 'base64url', text }, { form: 'base64', text: text.replaceAll('-', '+').replaceAll('_', '/') }]),
  ]
  return [...new Map(forms.map((each) => [each.text, each])).values()]
}

/** A chunk of a recording within the text of an event, and what command it is of. */
const RECORDED = /"command":"([^"]+)"[^{}]*"frames":"([A-Za-z0-9+/=]+)"/g
const CHUNK_BYTES_MAX = 16 * 1024 * 1024
/** A recorded result within the text of an event, or of a finish as it is projected. */
const RESULT = /"resultDeflated":"([A-Za-z0-9+/]+=*)"/g

/** The JSON text of each deflated result in this text, its bytes one to one. */
export const resultsWithin = (text: string): string[] =>
  text.includes('"resultDeflated":"') ? Array.from(text.matchAll(RESULT), ([, deflated]) => inflated(deflated!)) : []

const inflated = (deflated: string): string => {
  try {
    return inflateRawSync(Buffer.from(deflated, 'base64'), { maxOutputLength: CHUNK_BYTES_MAX }).toString('latin1')
  } catch {
    // Within pages of a database or its write-ahead log there may be pieces: the same result is looked at whole in its table.
    return ''
  }
}

/** What was streamed, kind by kind, as one text: a secret is in it even if frames cut it. */
const streamed = (frames: string): ReadonlyMap<string, string> => {
  const texts = new Map<string, string>()
  for (const { kind, bytes } of decodeFrames(inflateRawSync(Buffer.from(frames, 'base64'), { maxOutputLength: CHUNK_BYTES_MAX }), 0)) texts.set(kind, (texts.get(kind) ?? '') + Buffer.from(bytes).toString('latin1'))
  return texts
}

export interface Finding {
  readonly secret: string
  readonly form: string
  readonly where: string
  /** What stands before it. */
  readonly after: string
}

/** In files of a database there may be pieces of a chunk: it is looked at whole in its table, and there one that can't be read is an error. */
const streamedOf = (frames: string, where: string): ReadonlyMap<string, string> => {
  try {
    return streamed(frames)
  } catch (error) {
    if (where.startsWith('file ')) return new Map()
    throw error
  }
}

const CONTEXT_CHARS = 100
/** Longer than any secret's form. */
const TAIL_CHARS = 8192

/** Looks for secrets in texts, and in the recordings and results that are deflated in them. Bytes are looked at as text one to one. */
export const createScanner = (secrets: Readonly<Record<string, string>>) => {
  const forms = Object.entries(secrets).flatMap(([name, secret]) => formsOf(secret).map((form) => ({ name, ...form })))
  const found = new Map<string, Finding>()
  /** The end of what each command streamed so far, by where it was seen: chunks cut secrets too. */
  const tails = new Map<string, string>()
  let scanned = 0
  const look = (text: string, where: string): void => {
    scanned += text.length
    for (const { name, form, text: wanted } of forms) {
      const at = text.indexOf(wanted)
      if (at >= 0) found.set(`${name} ${form} ${where}`, { secret: name, form, where, after: text.slice(Math.max(0, at - CONTEXT_CHARS), at) })
    }
  }
  const scan = (text: string, where: string): void => {
    look(text, where)
    for (const result of resultsWithin(text)) look(result, `${where}, a result`)
    if (!text.includes('"frames":"')) return
    for (const [, command, frames] of text.matchAll(RECORDED)) {
      for (const [kind, shown] of streamedOf(frames!, where)) {
        const stream = `${where} ${command!} ${kind}`
        const whole = (tails.get(stream) ?? '') + shown
        look(whole, `${where}, recorded ${kind}`)
        tails.set(stream, whole.slice(-TAIL_CHARS))
      }
    }
  }
  return {
    scan,
    get findings() { return [...found.values()] },
    get scanned() { return scanned },
  }
}

export type Scanner = ReturnType<typeof createScanner>

const textOf = (value: unknown): string => {
  if (value === null || value === undefined) return ''
  if (Buffer.isBuffer(value)) return value.toString('latin1')
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

/** Every column of every row of every table of every schema, bytea as its bytes. Answers how many tables there were. */
export const scanDatabase = async (client: pg.Client, scanner: Scanner): Promise<number> => {
  const { rows } = await client.query(`
    select quote_ident(table_schema) || '.' || quote_ident(table_name) as name from information_schema.tables
    where table_type = 'BASE TABLE' and table_schema not in ('pg_catalog', 'information_schema')`)
  for (const { name } of rows as { name: string }[]) {
    const result = await client.query({ text: `select * from ${name} order by ctid`, rowMode: 'array' })
    for (const row of result.rows as unknown[][]) row.forEach((value, index) => scanner.scan(textOf(value), `table ${name} column ${result.fields[index]!.name}`))
  }
  return rows.length
}

/** Every file below a directory, as far as it is not gone meanwhile. Answers how many there were. */
export const scanDirectory = (dir: string, scanner: Scanner): number => {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name))
  for (const file of files) scanner.scan(readFileSync(file, 'latin1'), `file ${path.relative(path.dirname(dir), file)}`)
  return files.length
}
