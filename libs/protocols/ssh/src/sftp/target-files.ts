import { Refusal } from '@sallyport/protocol-kit'
import { transferLimits } from './limits.js'
import { answerOf, type LookUps } from './look-ups.js'
import { statuses, typeOf, types, type Attributes, type Field } from './packets.js'

const OWN_PIECE_BYTES = 32 * 1024
const AT_A_TIME = 8
const PERMISSIONS_AND_TIMES = 12

/** What the target calls an open file, as a field of requests. */
export type Handle = Exclude<Field, number | bigint | string>

/** What the target said no to. */
export class TargetError extends Error {
  override readonly name = 'TargetError'
  readonly code = 'target'
}

/** Works with files on the target for protocols other than SFTP. Every call rejects with a TargetError when the target says no, with a Refusal when it is broken. */
export class TargetFiles {
  constructor(private readonly calls: LookUps) {}

  /** Undefined: there is nothing. */
  async stat(path: string): Promise<Attributes | undefined> {
    const packet = await this.calls.call(types.stat, path)
    if (typeOf(packet) === types.status && answerOf(packet).uint32() === statuses.noSuchFile) return undefined
    return expected(packet, types.attrs).attributes()
  }

  async makeDirectory(path: string, mode: number): Promise<void> {
    done(await this.calls.call(types.mkdir, path, 4, mode & 0o777))
  }

  async names(path: string): Promise<readonly string[]> {
    const handle = handleOf(await this.calls.call(types.opendir, path))
    const names: string[] = []
    for (;;) {
      const packet = await this.calls.call(types.readdir, handle)
      if (typeOf(packet) === types.status) break
      const fields = expected(packet, types.name)
      for (let left = fields.uint32(); left > 0; left -= 1) {
        names.push(fields.path())
        fields.string()
        fields.attributes()
      }
      if (names.length > transferLimits.namesMax) throw new TargetError('the directory is too large')
    }
    done(await this.calls.call(types.close, handle))
    return names.sort()
  }

  async open(path: string, flags: number, mode?: number): Promise<Handle> {
    const fields = mode === undefined ? [0] : [4, mode & 0o777]
    return handleOf(await this.calls.call(types.open, path, flags, ...fields))
  }

  async close(handle: Handle): Promise<void> {
    done(await this.calls.call(types.close, handle))
  }

  async setMode(handle: Handle, mode: number, times: { readonly accessed: number; readonly modified: number }): Promise<void> {
    done(await this.calls.call(types.fsetstat, handle, PERMISSIONS_AND_TIMES, mode & 0o777, times.accessed >>> 0, times.modified >>> 0))
  }

  async write(handle: Handle, offset: number, data: Buffer): Promise<void> {
    const head = Buffer.alloc(4)
    for (let from = 0; from < data.length; from += OWN_PIECE_BYTES * AT_A_TIME) {
      const writes: Promise<Buffer>[] = []
      for (let at = from; at < Math.min(data.length, from + OWN_PIECE_BYTES * AT_A_TIME); at += OWN_PIECE_BYTES) {
        const piece = data.subarray(at, at + OWN_PIECE_BYTES)
        head.writeUInt32BE(piece.length)
        writes.push(this.calls.call(types.write, handle, BigInt(offset + at), { raw: Buffer.concat([head, piece]) }))
      }
      for (const packet of await Promise.all(writes)) done(packet)
    }
  }

  /** As much as there is, at most `count`, in order. */
  async read(handle: Handle, offset: number, count: number): Promise<Buffer> {
    const sizes = Array.from({ length: Math.ceil(count / OWN_PIECE_BYTES) }, (_none, index) => Math.min(OWN_PIECE_BYTES, count - index * OWN_PIECE_BYTES))
    const packets = await Promise.all(sizes.map((size, index) => this.calls.call(types.read, handle, BigInt(offset + index * OWN_PIECE_BYTES), size)))
    const pieces: Buffer[] = []
    for (const [index, packet] of packets.entries()) {
      if (typeOf(packet) === types.status && answerOf(packet).uint32() === statuses.eof) break
      const data = expected(packet, types.data).string(OWN_PIECE_BYTES)
      if (data.length > sizes[index]!) throw new Refusal('target-failed', 'the target gave more than was asked for')
      pieces.push(data)
      // What follows a gap is asked for again.
      if (data.length < sizes[index]!) break
    }
    return Buffer.concat(pieces)
  }
}

const expected = (packet: Buffer, type: number): ReturnType<typeof answerOf> => {
  const fields = answerOf(packet)
  if (typeOf(packet) === type) return fields
  if (typeOf(packet) !== types.status) throw new Refusal('target-failed', 'the target broke the SFTP protocol')
  throw new TargetError(reasons[fields.uint32()] ?? 'the target failed')
}

const handleOf = (packet: Buffer): Handle => {
  const bytes = expected(packet, types.handle).string(transferLimits.handleBytesMax)
  const head = Buffer.alloc(4)
  head.writeUInt32BE(bytes.length)
  return { raw: Buffer.concat([head, bytes]) }
}

const reasons: Readonly<Record<number, string>> = { [statuses.noSuchFile]: 'No such file or directory', [statuses.permissionDenied]: 'Permission denied on the target', [statuses.failure]: 'the target failed' }

const done = (packet: Buffer): void => {
  const fields = answerOf(packet)
  if (typeOf(packet) !== types.status) throw new Refusal('target-failed', 'the target broke the SFTP protocol')
  const status = fields.uint32()
  if (status !== statuses.ok) throw new TargetError(reasons[status] ?? 'the target failed')
}
