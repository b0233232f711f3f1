import { Refusal } from '@sallyport/protocol-kit'
import type { ClientChannel } from 'ssh2'
import { transferLimits } from './limits.js'
import { PacketReader } from './packet-reader.js'
import { Cursor, packetOf, statuses, typeOf, types, type Field } from './packets.js'
import type { Looked } from './paths.js'

interface Waiting {
  readonly resolve: (packet: Buffer) => void
  readonly reject: (refusal: Refusal) => void
  readonly timer: NodeJS.Timeout
}

const VERSION = 3

/** The gateway's own SFTP channel to the target: finds out where paths lead, and works with files for protocols that are not SFTP. */
export class LookUps {
  private readonly reader = new PacketReader(transferLimits.packetBytesMax)
  private readonly waiting = new Map<number, Waiting>()
  private next = 1
  private broken: Refusal | undefined
  private started = false

  /** Must be made in the callback in which the channel came. */
  constructor(private readonly channel: ClientChannel) {
    channel.on('error', () => undefined)
    channel.on('data', (chunk: Buffer) => this.receive(chunk))
    channel.once('close', () => this.fail(new Refusal('target-failed', 'the target closed the channel for looking at paths')))
    channel.stderr.resume()
  }

  /** Resolves with the directory that relative paths begin in. Rejects with a Refusal. */
  async start(): Promise<string> {
    await this.ask(0, packetOf(types.init, VERSION))
    return this.nameOf(await this.call(types.realpath, '.'), 'its home directory')
  }

  async look(path: string): Promise<Looked> {
    const packet = await this.call(types.lstat, path)
    const cursor = answerOf(packet)
    if (typeOf(packet) === types.status) {
      const status = cursor.uint32()
      return status === statuses.noSuchFile ? { kind: 'missing' } : { kind: 'unknown', status: status === statuses.ok ? statuses.failure : status }
    }
    if (typeOf(packet) !== types.attrs) throw strange()
    const { type } = cursor.attributes()
    if (type === undefined) return { kind: 'unknown', status: statuses.failure }
    if (type !== 'link') return { kind: 'other' }
    const answer = await this.call(types.readlink, path)
    if (typeOf(answer) === types.status) return { kind: 'unknown', status: answerOf(answer).uint32() || statuses.failure }
    return { kind: 'link', target: this.nameOf(answer, 'where a link leads') }
  }

  close(): void {
    this.fail(new Refusal('killed', 'the transfer has ended'))
    this.channel.close()
  }

  private nameOf(packet: Buffer, what: string): string {
    if (typeOf(packet) !== types.name) throw new Refusal('target-failed', `the target doesn't say ${what}`)
    const cursor = answerOf(packet)
    if (cursor.uint32() !== 1) throw strange()
    const name = cursor.path()
    if (name === '') throw strange()
    return name
  }

  /** Asks the target for something with a number of its own; answers what it said, whatever that is. Rejects with a Refusal. */
  call(type: number, ...fields: readonly Field[]): Promise<Buffer> {
    const id = this.next
    this.next = this.next >= 0x7fffffff ? 1 : this.next + 1
    return this.ask(id, packetOf(type, id, ...fields))
  }

  private ask(id: number, packet: Buffer): Promise<Buffer> {
    if (this.broken !== undefined) return Promise.reject(this.broken)
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.fail(new Refusal('target-failed', 'the target didn\'t say in time where a path leads')), transferLimits.lookMs)
      this.waiting.set(id, { resolve, reject, timer })
      this.channel.write(packet)
    })
  }

  private receive(chunk: Buffer): void {
    if (this.broken !== undefined) return
    try {
      for (const packet of this.reader.push(chunk)) this.answered(packet)
    } catch (thrown) {
      this.fail(new Refusal('target-failed', 'the target broke the SFTP protocol', {}, { cause: thrown }))
    }
  }

  private answered(packet: Buffer): void {
    const id = this.started ? new Cursor(packet).uint32() : 0
    if (!this.started && typeOf(packet) !== types.version) throw strange()
    this.started = true
    const waiting = this.waiting.get(id)
    if (waiting === undefined) throw strange()
    this.waiting.delete(id)
    clearTimeout(waiting.timer)
    waiting.resolve(packet)
  }

  private fail(refusal: Refusal): void {
    if (this.broken !== undefined) return
    this.broken = refusal
    for (const { reject, timer } of this.waiting.values()) {
      clearTimeout(timer)
      reject(refusal)
    }
    this.waiting.clear()
  }
}

const strange = (): Refusal => new Refusal('target-failed', 'the target broke the SFTP protocol')

/** The answer's fields after its number. */
export const answerOf = (packet: Buffer): Cursor => {
  const cursor = new Cursor(packet)
  cursor.uint32()
  return cursor
}
