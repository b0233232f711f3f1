import { posix } from 'node:path'
import { Refusal, type Operation, type Outcome, type Ticket } from '@sallyport/protocol-kit'
import type { ChannelRequest } from '../channels/request.js'
import type { Conversation } from '../session/conversation.js'
import { withoutControls } from '../errors.js'
import type { Exchange, Expected } from './exchange.js'
import { transferLimits } from './limits.js'
import { OpenFile } from './open-file.js'
import { transferOperation, type TransferEffect } from './operations.js'
import { PacketReader } from './packet-reader.js'
import { Cursor, openFlags, packetOf, statuses, statusPacket, typeOf, types } from './packets.js'
import type { Permit, Permits, Wanted } from './permits.js'
import { openEffects, openMode, pairPacket, pathPacket, pathRules, unknownEffect, type PathRule } from './requested.js'
import type { ReadAhead } from './read-ahead.js'
import { extensions, requestOf, type Request } from './requests.js'
import { Uploads } from './uploads.js'

type Of<K extends Request['kind']> = Extract<Request, { readonly kind: K }>

interface Running {
  finish(outcome: Outcome['outcome']): void
}

const VERSION = 3
const nothing = Buffer.alloc(0)

/** A client's SFTP channel: each request is judged by where its paths lead, and forwarded as what was decided on. */
export class SftpChannel {
  private readonly reader = new PacketReader(transferLimits.packetBytesMax)
  private readonly files = new Map<string, OpenFile>()
  private readonly running = new Set<Running>()
  private readonly uploads: Uploads
  private greeted = false
  private opening = 0

  constructor(
    private readonly conversation: Conversation,
    private readonly request: ChannelRequest,
    private readonly exchange: Exchange,
    private readonly permits: Permits,
    private readonly ahead: ReadAhead,
  ) {
    this.uploads = new Uploads(conversation.host, exchange)
  }

  /** Serves the client until it sends nothing more. Rejects with a Refusal. */
  async run(): Promise<void> {
    const { signal } = this.request
    const { ahead } = this
    try {
      for (let chunk = await ahead.next(); chunk !== undefined; chunk = await ahead.next()) {
        for (const packet of this.reader.push(chunk)) {
          const wait = this.take(packet)
          if (wait !== undefined) await wait
          // Who asks and reads no answer is not asked to ask more.
          const room = this.request.outflow.whenRoom()
          if (room !== undefined) await room
          if (signal.aborted) return
        }
        if (!this.uploads.gathered) continue
        // What comes at once is one piece of the record.
        await new Promise((resolve) => { setImmediate(resolve) })
        if (!ahead.ready) await this.uploads.flush()
      }
      await this.uploads.flush()
    } catch (thrown) {
      if (!signal.aborted) throw thrown
    }
    if (this.reader.midway && !signal.aborted) throw new Refusal('malformed', 'an SFTP packet that ends too early')
  }

  /** Ends the record of everything that has not ended. */
  finish(outcome: Outcome['outcome']): void {
    for (const each of this.running) each.finish(outcome)
    this.running.clear()
  }

  private take(packet: Buffer): Promise<void> | undefined {
    if (!this.greeted) return this.greet(packet)
    const request = requestOf(packet)
    if (this.exchange.isPending(request.id) || this.uploads.isPending(request.id)) throw new Refusal('malformed', 'an SFTP request with the number of another that is not answered')
    switch (request.kind) {
      case 'write':
        return this.write(request, packet)
      case 'read':
        return this.uploads.gathered ? this.uploads.flush().then(() => this.read(request, packet)) : this.read(request, packet)
      default:
        return this.uploads.flush().then(() => this.serve(request, packet))
    }
  }

  private greet(packet: Buffer): undefined {
    if (typeOf(packet) !== types.init || new Cursor(packet).uint32() < VERSION) throw new Refusal('malformed', 'an SFTP client of a version before 3')
    this.greeted = true
    const known = [...this.exchange.extensions].filter(([name, version]) => extensions.get(name) === version)
    this.answer(packetOf(types.version, VERSION, ...known.flat()))
  }

  private serve(request: Exclude<Request, Of<'read'> | Of<'write'>>, packet: Buffer): Promise<void> | undefined {
    switch (request.kind) {
      case 'open':
        return this.open(request)
      case 'handle':
        return this.onHandle(request, packet)
      case 'fsetstat':
        return this.setAttributes(request, packet)
      case 'path':
        return request.operation === 'realpath' || request.operation === 'expand-path' ? this.whereabouts(request, packet) : this.onPath(request, pathRules[request.operation])
      case 'paths':
        return this.onPaths(request)
      case 'limits':
        return this.exchange.extensions.has('limits@openssh.com') ? this.limits(request, packet) : this.unknown({ kind: 'unknown', id: request.id, name: 'limits' })
      case 'unknown':
        return this.unknown(request)
      default:
        return request satisfies never
    }
  }

  // ---- open files

  private async open({ id, path, flags, attributes }: Of<'open'>): Promise<void> {
    const mode = openMode(flags)
    if (mode.reads && this.conversation.options.maskDownloads) return this.refuse(id, statuses.permissionDenied, 'Sallyport: files of this connection are masked, and can\'t be downloaded by SFTP.')
    const last = (flags & openFlags.create) !== 0 && (flags & openFlags.exclusive) !== 0 ? 'itself' : 'followed'
    const exact = [String(flags), attributes]
    await this.openJudged(id, { path, last }, mode, {
      operationOf: (place) => transferOperation('sftp', textOf(mode.writes ? 'upload' : 'download', place), openEffects(place.path, place.requested, mode), exact, mode.writes ? 'stream' : 'none'),
      packetFor: (resolved) => packetOf(types.open, id, resolved, flags, { raw: attributes }),
    })
  }

  private async openJudged(id: number, wanted: Wanted, mode: OpenFile['mode'], how: { readonly operationOf: (place: Place) => Operation; readonly packetFor: (path: string) => Buffer }): Promise<void> {
    if (this.files.size + this.opening >= transferLimits.handlesMax) return this.refuse(id, statuses.failure, 'too many files are open')
    await this.exchange.whenUnchanging()
    const permit = await this.permits.ask([wanted], ([place]) => how.operationOf(place!))
    if (permit.kind === 'not' || permit.ticket === undefined) return this.refused(id, permit)
    const { path } = permit.places[0]!
    const file = new OpenFile(this.conversation.host, permit.ticket, path, mode)
    this.running.add(file)
    this.opening += 1
    await this.exchange.forward(id, how.packetFor(path), {
      answer: types.handle,
      changes: mode.writes,
      answered: ({ status, fields }) => {
        this.opening -= 1
        if (status === undefined) {
          const handle = fields.string(transferLimits.handleBytesMax).toString('latin1')
          if (this.files.has(handle)) throw new Refusal('target-failed', 'the target gave one handle for two files')
          this.files.set(handle, file)
          return undefined
        }
        file.failed('the target did not open it')
        return this.ended(file)
      },
    })
  }

  private ended(file: Running): undefined {
    file.finish('completed')
    this.running.delete(file)
  }

  private read({ id, handle, offset, length }: Of<'read'>, packet: Buffer): Promise<void> | undefined {
    const file = this.files.get(handle)
    if (file?.mode.reads !== true) return this.noSuchHandle(id)
    return this.exchange.forward(id, packet, {
      answer: types.data,
      answered: ({ status, fields }) => {
        if (status !== undefined) {
          if (status !== statuses.eof) file.failed('the target could not read all of it')
          return undefined
        }
        const data = fields.string()
        fields.end()
        if (data.length > length) throw new Refusal('target-failed', 'the target gave more than was asked for')
        file.read.add(data, offset)
        return undefined
      },
    })
  }

  private write(request: Of<'write'>, packet: Buffer): Promise<void> | undefined {
    const file = this.files.get(request.handle)
    return file?.mode.writes === true ? this.uploads.add(file, request, packet) : this.noSuchHandle(request.id)
  }

  private onHandle({ id, operation, handle }: Of<'handle'>, packet: Buffer): Promise<void> | undefined {
    const file = this.files.get(handle)
    if (file === undefined) return this.noSuchHandle(id)
    switch (operation) {
      case 'close':
        this.files.delete(handle)
        return this.exchange.forward(id, packet, {
          changes: file.mode.writes,
          answered: ({ status }) => {
            if (status !== statuses.ok) file.failed('the target could not close it')
            return this.ended(file)
          },
        })
      case 'readdir':
        if (!file.mode.directory) return this.noSuchHandle(id)
        return this.exchange.forward(id, packet, {
          answer: types.name,
          answered: ({ status, fields }) => {
            if (status === undefined) file.entries += fields.uint32()
            return undefined
          },
        })
      case 'fstat':
        return this.exchange.forward(id, packet, { answer: types.attrs })
      case 'fsync':
        return this.exchange.forward(id, packet, {})
      case 'fstatvfs':
        return this.exchange.forward(id, packet, { answer: types.extendedReply })
      default:
        return operation satisfies never
    }
  }

  /** As the file's own upload, it is judged by its path. */
  private async setAttributes({ id, handle, attributes }: Of<'fsetstat'>, packet: Buffer): Promise<void> {
    const file = this.files.get(handle)
    if (file === undefined) return this.noSuchHandle(id)
    const place = { path: file.path, requested: file.path }
    const effect = pathEffect('setstat', pathRules.setstat, place)
    const permit = await this.permits.ask([], () => transferOperation('sftp', textOf('setstat', place), [effect], [attributes]))
    return permit.kind === 'not' ? this.refused(id, permit) : this.forward(id, packet, {}, permit.ticket)
  }

  // ---- paths

  private async onPath(request: Of<'path'>, rule: PathRule): Promise<void> {
    const { id, operation, path, rest } = request
    if (rule.extension !== undefined && !this.exchange.extensions.has(rule.extension)) return this.unknown({ kind: 'unknown', id, name: rule.extension })
    const operationOf = (place: Place): Operation => transferOperation('sftp', textOf(operation, place), [pathEffect(operation, rule, place)], [rest])
    const wanted = { path, last: rule.last }
    if (operation === 'opendir') return this.openJudged(id, wanted, { reads: false, writes: false, directory: true }, { operationOf, packetFor: (resolved) => pathPacket(rule, id, resolved, nothing) })
    await this.exchange.whenUnchanging()
    const permit = await this.permits.ask([wanted], ([place]) => operationOf(place!), rule.action === 'ssh.transfer.look' ? operation : undefined)
    if (permit.kind === 'not') return this.refused(id, permit)
    return this.forward(id, pathPacket(rule, id, permit.places[0]!.path, rest), { ...(rule.answer === undefined ? {} : { answer: rule.answer }), changes: rule.changes === true }, permit.ticket)
  }

  /** Only says a path: it goes on as it came. */
  private async whereabouts({ id, operation, path }: Of<'path'>, packet: Buffer): Promise<void> {
    if (operation === 'expand-path' && !this.exchange.extensions.has('expand-path@openssh.com')) return this.unknown({ kind: 'unknown', id, name: operation })
    const requestedPath = operation === 'expand-path' && path.startsWith('~') ? path : this.permits.normalised(path)
    const permit = await this.permits.ask([], () => transferOperation('sftp', textOf('realpath', { path: requestedPath, requested: requestedPath }), [{ action: 'ssh.transfer.resolve', operation: 'realpath', requestedPath }], []), `realpath ${requestedPath}`)
    return permit.kind === 'not' ? this.refused(id, permit) : this.forward(id, packet, { answer: types.name }, permit.ticket)
  }

  private async onPaths({ id, operation, first, second }: Of<'paths'>): Promise<void> {
    // The order of its paths is another in the draft than in OpenSSH's server, which all clients follow.
    const understood = operation === 'symlink' ? [...this.exchange.extensions.keys()].some((name) => name.endsWith('@openssh.com')) : operation === 'rename' || this.exchange.extensions.has(`${operation}@openssh.com`)
    if (!understood) return this.unknown({ kind: 'unknown', id, name: operation })
    await this.exchange.whenUnchanging()
    const name = operation === 'posix-rename' ? 'rename' : operation
    // What a link leads to is judged as if it were opened; some targets follow a link that another name is made for.
    const target = operation === 'symlink' ? { path: first.startsWith('/') ? first : `${posix.dirname(second)}/${first}`, last: 'followed' as const } : { path: first, last: 'itself' as const }
    const wanted: readonly Wanted[] = [target, { path: second, last: 'itself' }, ...(operation === 'hardlink' ? [{ path: first, last: 'followed' as const }] : [])]
    const permit = await this.permits.ask(wanted, (places) => transferOperation('sftp', `sftp ${name} ${quoted(first)} ${quoted(second)}`, places.map(({ path, requested }) => (
      { action: 'ssh.transfer.change', operation: name, path, requestedPath: requested, writes: true, reads: name === 'hardlink' })), [first, second]))
    if (permit.kind === 'not') return this.refused(id, permit)
    return this.forward(id, pairPacket(operation, id, operation === 'symlink' ? first : permit.places[0]!.path, permit.places[1]!.path), { changes: true }, permit.ticket)
  }

  // ---- the rest

  /** What the target allows, and the gateway takes. */
  private limits({ id }: Of<'limits'>, packet: Buffer): Promise<void> | undefined {
    const ours = [transferLimits.packetBytesMax, transferLimits.dataBytesMax, transferLimits.dataBytesMax, transferLimits.handlesMax].map(BigInt)
    return this.exchange.forward(id, packet, {
      answer: types.extendedReply,
      answered: ({ status, fields }) => status !== undefined ? undefined : packetOf(types.extendedReply, id, ...ours.map((most) => {
        const theirs = fields.uint64()
        return theirs === 0n || theirs > most ? most : theirs
      })),
    })
  }

  private async unknown(request: Of<'unknown'>): Promise<void> {
    const permit = await this.permits.ask([], () => transferOperation('sftp', `sftp: ${request.name}`, [unknownEffect(request)], []), 'unknown')
    if (permit.kind === 'permitted') this.permits.finish(permit.ticket, 'failed', 'the gateway does not carry it')
    this.refuse(request.id, statuses.unsupported, permit.kind === 'not' ? permit.text : 'Sallyport does not carry this request.')
  }

  /** Forwards what was permitted; its answer is its end. */
  private async forward(id: number, packet: Buffer, expected: Expected, ticket: Ticket | undefined): Promise<void> {
    let over = false
    const each: Running = {
      finish: (outcome, problem?: string) => {
        if (!over) this.permits.finish(ticket, outcome, problem)
        over = true
      },
    }
    this.running.add(each)
    await this.exchange.forward(id, packet, {
      ...expected,
      answered: ({ status }) => {
        over = true
        const failed = status !== undefined && status !== statuses.ok
        this.permits.finish(ticket, failed ? 'failed' : 'completed', failed ? `the target answered with status ${status}` : undefined)
        this.running.delete(each)
        return undefined
      },
    })
  }

  private noSuchHandle(id: number): undefined {
    this.refuse(id, statuses.failure, 'no such handle is open for this')
  }

  private refused(id: number, permit: Permit): void {
    if (permit.kind === 'not') this.refuse(id, permit.status, permit.text)
  }

  private refuse(id: number, status: number, text: string): void {
    this.answer(statusPacket(id, status, text))
  }

  private answer(packet: Buffer): void {
    this.request.outflow.write('output', packet)
  }
}

interface Place {
  readonly path: string
  readonly requested: string
}

/** As a person reads it; quoted only where that is needed. */
const quoted = (path: string): string => (/^[^\s"']+$/.test(path) ? withoutControls(path) : JSON.stringify(withoutControls(path)))

const textOf = (what: string, { path, requested }: Place): string => `sftp ${what} ${quoted(path)}${path === requested ? '' : ` (asked for as ${quoted(requested)})`}`

const pathEffect = (operation: string, { action, direction }: PathRule, { path, requested }: Place): TransferEffect => {
  const writes = action === 'ssh.transfer' || action === 'ssh.transfer.change'
  return { action, operation, path, requestedPath: requested, writes, reads: !writes, ...(direction === undefined ? {} : { direction }) }
}
