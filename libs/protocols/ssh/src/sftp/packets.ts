import { isUtf8 } from 'node:buffer'
import { Refusal } from '@sallyport/protocol-kit'
import { transferLimits } from './limits.js'

/** Packet types of SFTP version 3 (draft-ietf-secsh-filexfer-02, section 3). */
export const types = {
  init: 1, version: 2, open: 3, close: 4, read: 5, write: 6, lstat: 7, fstat: 8, setstat: 9, fsetstat: 10, opendir: 11, readdir: 12, remove: 13, mkdir: 14, rmdir: 15,
  realpath: 16, stat: 17, rename: 18, readlink: 19, symlink: 20, status: 101, handle: 102, data: 103, name: 104, attrs: 105, extended: 200, extendedReply: 201,
} as const

/** Section 7. */
export const statuses = { ok: 0, eof: 1, noSuchFile: 2, permissionDenied: 3, failure: 4, badMessage: 5, unsupported: 8 } as const

/** Section 6.3. */
export const openFlags = { read: 1, write: 2, append: 4, create: 8, truncate: 16, exclusive: 32 } as const

const ATTRIBUTES = { size: 1, owner: 2, permissions: 4, times: 8, extended: 0x80000000 } as const
const EXTENDED_ATTRIBUTES_MAX = 64
const FILE_TYPE = 0o170000
const LINK = 0o120000
const DIRECTORY = 0o040000
const REGULAR = 0o100000

/** What attributes say (section 5); undefined where they don't. */
export interface Attributes {
  /** As they came. */
  readonly bytes: Buffer
  readonly type: 'file' | 'directory' | 'link' | 'other' | undefined
  readonly size: bigint | undefined
  readonly permissions: number | undefined
  /** Seconds since 1970. */
  readonly times: { readonly accessed: number; readonly modified: number } | undefined
}

const typeOfMode = (mode: number): Attributes['type'] => {
  switch (mode & FILE_TYPE) {
    case LINK:
      return 'link'
    case DIRECTORY:
      return 'directory'
    case REGULAR:
      return 'file'
    default:
      return 'other'
  }
}

const malformed = (what: string): Refusal => new Refusal('malformed', `an SFTP packet ${what}`)

/** Reads one packet's fields in order. Throws a Refusal (`malformed`) where they don't fit. */
export class Cursor {
  /** `at`: after the length and the type. */
  constructor(private readonly bytes: Buffer, private at = 5) {}

  uint32(): number {
    return this.bytes.readUInt32BE(this.take(4))
  }

  uint64(): bigint {
    return this.bytes.readBigUInt64BE(this.take(8))
  }

  string(bytesMax = transferLimits.packetBytesMax): Buffer {
    const length = this.uint32()
    if (length > bytesMax) throw malformed(`with a field of ${length} bytes`)
    const from = this.take(length)
    return this.bytes.subarray(from, from + length)
  }

  /** A path as policies can read it. */
  path(): string {
    const bytes = this.string(transferLimits.pathBytesMax)
    if (!isUtf8(bytes) || bytes.includes(0)) throw malformed('with a path that is no UTF-8 text')
    return bytes.toString()
  }

  attributes(): Attributes {
    const from = this.at
    const flags = this.uint32()
    const size = (flags & ATTRIBUTES.size) !== 0 ? this.uint64() : undefined
    if ((flags & ATTRIBUTES.owner) !== 0) this.take(8)
    const mode = (flags & ATTRIBUTES.permissions) !== 0 ? this.uint32() : undefined
    const times = (flags & ATTRIBUTES.times) !== 0 ? { accessed: this.uint32(), modified: this.uint32() } : undefined
    if ((flags & ATTRIBUTES.extended) !== 0) {
      const count = this.uint32()
      if (count > EXTENDED_ATTRIBUTES_MAX) throw malformed(`with ${count} attributes`)
      for (let index = 0; index < 2 * count; index += 1) this.string()
    }
    return { bytes: this.bytes.subarray(from, this.at), type: mode === undefined ? undefined : typeOfMode(mode), size, permissions: mode === undefined ? undefined : mode & 0o7777, times }
  }

  get ended(): boolean {
    return this.at === this.bytes.length
  }

  /** Nothing may follow: another reader of the packet could take it for something. */
  end(): void {
    if (!this.ended) throw malformed('with more than belongs to it')
  }

  private take(count: number): number {
    const from = this.at
    if (from + count > this.bytes.length) throw malformed('that ends too early')
    this.at = from + count
    return from
  }
}

export const typeOf = (packet: Buffer): number => packet[4]!

export type Field = number | bigint | string | { readonly raw: Uint8Array }

const encoded = (field: Field): Uint8Array => {
  if (typeof field === 'number') {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(field)
    return bytes
  }
  if (typeof field === 'bigint') {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64BE(field)
    return bytes
  }
  if (typeof field === 'object') return field.raw
  const text = Buffer.from(field)
  return Buffer.concat([encoded(text.length), text])
}

/** A packet of fields: a number is `uint32`, a bigint `uint64`, a text a `string`. */
export const packetOf = (type: number, ...fields: readonly Field[]): Buffer => {
  const body = fields.map(encoded)
  const length = body.reduce((sum, bytes) => sum + bytes.length, 1)
  return Buffer.concat([encoded(length), Buffer.from([type]), ...body])
}

export const statusPacket = (id: number, status: number, text: string): Buffer => packetOf(types.status, id, status, text, 'en')
