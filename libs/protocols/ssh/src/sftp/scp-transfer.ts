import { Refusal } from '@sallyport/protocol-kit'
import type { Conversation } from '../session/conversation.js'
import { transferLimits } from './limits.js'
import { OpenFile } from './open-file.js'
import { transferOperation, type TransferEffect } from './operations.js'
import { openFlags } from './packets.js'
import type { Permits, Place } from './permits.js'
import { openEffects } from './requested.js'
import { isScpName, scpMessage, type ScpCommand, type ScpMessage } from './scp-messages.js'
import type { ScpWire } from './scp-wire.js'
import { TargetError, type Handle, type TargetFiles } from './target-files.js'

type FileMessage = Extract<ScpMessage, { readonly kind: 'file' }>
type Times = Extract<ScpMessage, { readonly kind: 'times' }>

const inside = (directory: string, name: string): string => `${directory}/${name}`

/** scp's old protocol, spoken by the gateway: each file is judged and opened as what was decided on, as over SFTP. */
export class ScpTransfer {
  private running: OpenFile | undefined

  constructor(
    private readonly conversation: Conversation,
    private readonly permits: Permits,
    private readonly files: TargetFiles,
    private readonly wire: ScpWire,
  ) {}

  /** Answers whether all of it was done. Rejects with a Refusal when somebody broke the protocol, or it can't be recorded. */
  async run(command: ScpCommand): Promise<boolean> {
    try {
      if (command.direction === 'upload') await this.receive(command)
      else await this.send(command)
    } finally {
      this.finish('cancelled')
    }
    return !this.wire.failed
  }

  /** Ends the record of the file that is under way. */
  finish(outcome: 'cancelled' | 'completed'): void {
    this.running?.finish(outcome)
    this.running = undefined
  }

  // ---- from the client

  private async receive({ recursive, intoDirectory, paths: [root] }: ScpCommand): Promise<void> {
    const { wire } = this
    const isDirectory = (await this.typeOf(root!)) === 'directory'
    if (intoDirectory && !isDirectory) return wire.problem('the target is no directory')
    /** Directories, the innermost last; before the first, what the command names. */
    const within: string[] = []
    const placeOf = (name: string): string => within.length > 0 ? inside(within.at(-1)!, name) : isDirectory ? inside(root!, name) : root!
    let times: Times | undefined
    wire.acknowledge()
    for (let line = await wire.line(); line !== undefined; line = await wire.line()) {
      const message = scpMessage(line)
      switch (message.kind) {
        case 'times':
          times = message
          wire.acknowledge()
          continue
        case 'file':
          await this.attempt(() => this.receiveFile(placeOf(message.name), message, times))
          break
        case 'directory': {
          if (!recursive || within.length >= transferLimits.depthMax) throw new Refusal('malformed', 'a directory of scp that was not asked for')
          const directory = placeOf(message.name)
          await this.attempt(async () => {
            if (await this.makeDirectory(directory, message.mode)) within.push(directory)
          })
          break
        }
        case 'up':
          if (within.pop() === undefined) throw new Refusal('malformed', 'an end of a directory of scp that there is not')
          wire.acknowledge()
          break
        case 'problem':
          wire.failed = true
          if (message.fatal) return
          break
        default:
          message satisfies never
      }
      times = undefined
    }
  }

  private async makeDirectory(path: string, mode: number): Promise<boolean> {
    if ((await this.typeOf(path)) !== 'directory') {
      const permit = await this.permits.ask([{ path, last: 'itself' }], ([place]) => (
        transferOperation('scp', textOf('mkdir', place!), [{ action: 'ssh.transfer', operation: 'mkdir', path: place!.path, requestedPath: place!.requested, direction: 'upload', writes: true }], [String(mode)])))
      if (permit.kind === 'not') {
        this.wire.problem(`${path}: not allowed`)
        return false
      }
      try {
        await this.files.makeDirectory(permit.places[0]!.path, mode)
        this.permits.finish(permit.ticket, 'completed')
      } catch (thrown) {
        this.permits.finish(permit.ticket, 'failed', 'the target did not make it')
        throw thrown
      }
    }
    this.wire.acknowledge()
    return true
  }

  private async receiveFile(path: string, { mode, size }: FileMessage, times: Times | undefined): Promise<void> {
    const opened = await this.open(path, { reads: false, writes: true, directory: false }, openFlags.write | openFlags.create | openFlags.truncate, mode)
    if (opened === undefined) return
    const { file, handle } = opened
    const { host } = this.conversation
    this.wire.acknowledge()
    let ahead = 0
    const broken: { error?: TargetError } = {}
    for (let offset = 0; offset < size;) {
      const piece = await this.wire.some(Math.min(transferLimits.pieceBytesMax, size - offset))
      const at = offset
      offset += piece.length
      // Its rest comes all the same.
      if (broken.error !== undefined) continue
      const sequence = file.recordInput(piece)
      file.written.add(piece, BigInt(at))
      try {
        await this.files.write(handle, at, piece)
      } catch (thrown) {
        if (!(thrown instanceof TargetError)) throw thrown
        broken.error = thrown
      }
      ahead += piece.length
      if (ahead <= transferLimits.aheadBytesMax) continue
      await host.whenAcknowledged(sequence)
      ahead = 0
    }
    const whole = await this.wire.acknowledged()
    if (!whole) file.failed('the client could not read all of it')
    if (broken.error !== undefined) throw broken.error
    if (times !== undefined) await this.files.setMode(handle, mode, times)
    await this.files.close(handle)
    this.finish('completed')
    this.wire.acknowledge()
  }

  // ---- to the client

  private async send(command: ScpCommand): Promise<void> {
    await this.wire.acknowledged()
    for (const path of command.paths) await this.attempt(() => this.sendEntry(path, nameOf(path), command, 0))
  }

  private async sendEntry(path: string, name: string, command: ScpCommand, depth: number): Promise<void> {
    if (depth > transferLimits.depthMax) return this.wire.problem(`${name}: too deep`)
    const type = await this.typeOf(path)
    if (type === 'directory') return command.recursive ? this.sendDirectory(path, name, command, depth) : this.wire.problem(`${name}: not a regular file`)
    if (type !== undefined && type !== 'file') return this.wire.problem(`${name}: not a regular file`)
    return this.sendFile(path, name, command)
  }

  private async sendDirectory(path: string, name: string, command: ScpCommand, depth: number): Promise<void> {
    const permit = await this.permits.ask([{ path, last: 'followed' }], ([place]) => transferOperation('scp', textOf('opendir', place!), [{ action: 'ssh.transfer.list', operation: 'opendir', path: place!.path, requestedPath: place!.requested, reads: true } satisfies TransferEffect], []))
    if (permit.kind === 'not') return this.wire.problem(`${path}: not allowed`)
    let names: readonly string[]
    try {
      names = await this.files.names(permit.places[0]!.path)
      this.permits.finish(permit.ticket, 'completed')
    } catch (thrown) {
      this.permits.finish(permit.ticket, 'failed', 'the target did not list it')
      throw thrown
    }
    const attributes = await this.files.stat(permit.places[0]!.path)
    if (!await this.announce(`D${modeOf(attributes?.permissions, 0o755)} 0 ${name}\n`, command, attributes?.times)) return
    for (const entry of names) {
      if (isScpName(entry)) await this.attempt(() => this.sendEntry(inside(path, entry), entry, command, depth + 1))
      else if (entry !== '.' && entry !== '..') this.wire.problem('a name that scp can\'t say')
    }
    this.wire.write(Buffer.from('E\n'))
    await this.wire.acknowledged()
  }

  private async sendFile(path: string, name: string, command: ScpCommand): Promise<void> {
    if (this.conversation.options.maskDownloads) return this.wire.problem('Sallyport: files of this connection are masked, and can\'t be downloaded by scp.')
    const opened = await this.open(path, { reads: true, writes: false, directory: false }, openFlags.read)
    if (opened === undefined) return
    const { file, handle } = opened
    const attributes = await this.files.stat(file.path)
    const size = Number(attributes?.size ?? 0n)
    if (!Number.isSafeInteger(size)) throw new TargetError('the file is too large')
    if (await this.announce(`C${modeOf(attributes?.permissions, 0o644)} ${size} ${name}\n`, command, attributes?.times)) {
      let short = false
      for (let offset = 0; offset < size;) {
        const count = Math.min(transferLimits.pieceBytesMax, size - offset)
        const data = short ? Buffer.alloc(0) : await this.files.read(handle, offset, count)
        if (data.length > 0) file.read.add(data, BigInt(offset))
        else short = true
        // A file that has become shorter is filled up: its size is said already.
        const sent = short ? Buffer.alloc(count) : data
        this.wire.write(sent)
        offset += sent.length
        await this.wire.whenRoom()
      }
      if (short) file.failed('the file became shorter')
      if (short) this.wire.problem(`${name}: the file became shorter`)
      else this.wire.acknowledge()
      await this.wire.acknowledged()
    }
    await this.files.close(handle)
    this.finish('completed')
  }

  /** Answers whether the client takes it. */
  private async announce(line: string, { preserve }: ScpCommand, times: { readonly accessed: number; readonly modified: number } | undefined): Promise<boolean> {
    if (preserve && times !== undefined) {
      this.wire.write(Buffer.from(`T${times.modified} 0 ${times.accessed} 0\n`))
      if (!await this.wire.acknowledged()) return false
    }
    this.wire.write(Buffer.from(line))
    return this.wire.acknowledged()
  }

  // ---- both

  /** Judges and opens; undefined when it is refused and the client was told. */
  private async open(path: string, mode: OpenFile['mode'], flags: number, permissions?: number): Promise<{ readonly file: OpenFile; readonly handle: Handle } | undefined> {
    const operationOf = (place: Place): ReturnType<typeof transferOperation> => (
      transferOperation('scp', textOf(mode.writes ? 'upload' : 'download', place), openEffects(place.path, place.requested, mode), [String(permissions)], mode.writes ? 'stream' : 'none'))
    const permit = await this.permits.ask([{ path, last: 'followed' }], ([place]) => operationOf(place!))
    if (permit.kind === 'not' || permit.ticket === undefined) {
      this.wire.problem(`${path}: not allowed`)
      return undefined
    }
    const file = new OpenFile(this.conversation.host, permit.ticket, permit.places[0]!.path, mode)
    this.running = file
    return { file, handle: await this.files.open(file.path, flags, permissions) }
  }

  /** What the target says no to is a problem of one file. */
  private async attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (thrown) {
      if (!(thrown instanceof TargetError)) throw thrown
      this.running?.failed(thrown.message)
      this.finish('completed')
      this.wire.problem(thrown.message)
    }
  }

  private async typeOf(path: string): Promise<string | undefined> {
    return (await this.files.stat(this.permits.normalised(path)))?.type
  }
}

const nameOf = (path: string): string => path.split('/').findLast((part) => part !== '' && part !== '.' && part !== '..') ?? 'root'

const modeOf = (permissions: number | undefined, fallback: number): string => ((permissions ?? fallback) & 0o777).toString(8).padStart(4, '0')

const textOf = (what: string, { path, requested }: Place): string => `scp ${what} ${path}${path === requested ? '' : ` (asked for as ${requested})`}`
