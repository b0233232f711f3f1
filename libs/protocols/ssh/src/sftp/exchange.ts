import { Refusal, type SessionHost } from '@sallyport/protocol-kit'
import type { ClientChannel } from 'ssh2'
import type { Outflow } from '../channels/outflow.js'
import { transferLimits } from './limits.js'
import { PacketReader } from './packet-reader.js'
import { Cursor, packetOf, statuses, typeOf, types } from './packets.js'

/** A request that the target has not answered. */
export interface Expected {
  /** Type of the answer besides a status; none: only a status. */
  readonly answer?: number
  /** Changes where paths lead: no path is looked at before it is answered. */
  readonly changes?: boolean
  /** Sees the answer first; answers what is sent instead of it. */
  readonly answered?: (answer: Answer) => Buffer | undefined
}

/** `status` is undefined where it is no status; the cursor is after the number. */
export interface Answer {
  readonly id: number
  readonly status: number | undefined
  readonly fields: Cursor
}

const VERSION = 3
const STATUS_MAX = 31

/** Requests forwarded to the target's SFTP server, and its answers, which go to the client. */
export class Exchange {
  /** Extensions that the target has, with their versions. */
  readonly extensions = new Map<string, string>()
  private readonly reader = new PacketReader(transferLimits.packetBytesMax)
  private readonly pending = new Map<number, Expected>()
  private readonly answers: AsyncIterator<Buffer, unknown, undefined>
  private changing = 0
  private over = false
  private waiters: (() => void)[] = []

  /** Must be made in the callback in which the target's channel came. */
  constructor(private readonly host: SessionHost, private readonly target: ClientChannel, private readonly outflow: Outflow) {
    target.on('error', () => undefined)
    // Neither masked nor in the record: what a server says besides its answers goes nowhere.
    target.stderr.resume()
    target.once('close', () => this.close())
    this.answers = this.packets()
  }

  /** Agrees on version 3. Rejects with a Refusal. */
  async start(): Promise<void> {
    this.target.write(packetOf(types.init, VERSION))
    const first = await this.answers.next()
    if (first.done === true || typeOf(first.value) !== types.version) throw new Refusal('target-failed', 'the target has no SFTP')
    const fields = new Cursor(first.value)
    if (fields.uint32() !== VERSION) throw new Refusal('target-failed', 'the target has another version of SFTP than 3')
    while (!fields.ended) this.extensions.set(fields.string().toString('latin1'), fields.string().toString('latin1'))
  }

  /** Delivers answers until the target has ended. Rejects with a Refusal (`target-failed`) when it breaks the protocol. */
  async run(): Promise<void> {
    for (let next = await this.answers.next(); next.done !== true; next = await this.answers.next()) {
      try {
        this.deliver(next.value)
      } catch (thrown) {
        throw broken(thrown)
      }
      const room = this.outflow.whenRoom()
      if (room !== undefined) await room
    }
  }

  isPending(id: number): boolean {
    return this.pending.has(id)
  }

  /** Forwards a request; resolves when there is room for the next. */
  forward(id: number, packet: Buffer, expected: Expected): Promise<void> | undefined {
    if (this.over) return undefined
    this.pending.set(id, expected)
    if (expected.changes === true) this.changing += 1
    return this.send(packet)
  }

  /** Undefined where everything that changes paths is answered. */
  whenUnchanging(): Promise<void> | undefined {
    return this.changing === 0 || this.over ? undefined : this.until(() => this.changing === 0)
  }

  /** Nothing more comes from the client. */
  end(): void {
    this.target.end()
  }

  /** Nothing goes anywhere any more. */
  close(): void {
    if (this.over) return
    this.over = true
    this.wake()
    this.target.close()
    this.target.resume()
  }

  private async *packets(): AsyncGenerator<Buffer, void, undefined> {
    try {
      for await (const chunk of this.target.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) yield* this.reader.push(chunk)
    } catch (thrown) {
      if (!this.over) throw broken(thrown)
    }
  }

  private deliver(packet: Buffer): void {
    const fields = new Cursor(packet)
    const id = fields.uint32()
    const expected = this.pending.get(id)
    const type = typeOf(packet)
    if (expected === undefined || (type !== types.status && type !== expected.answer)) throw new Refusal('target-failed', 'the target answered what it was not asked')
    const status = type === types.status ? new Cursor(packet, 9).uint32() : undefined
    if (status !== undefined && (status > STATUS_MAX || (status === statuses.ok && expected.answer !== undefined))) throw new Refusal('target-failed', 'the target gave a status that there is not')
    this.pending.delete(id)
    const instead = expected.answered?.({ id, status, fields })
    if (expected.changes === true) this.changing -= 1
    this.outflow.write('output', instead ?? packet)
    this.wake()
  }

  private send(packet: Buffer): Promise<void> | undefined {
    const room = this.target.write(packet)
    const writable = this.host.whenWritable('target')
    const full = this.pending.size >= transferLimits.pendingMax ? this.until(() => this.pending.size < transferLimits.pendingMax) : undefined
    if (room && writable === undefined && full === undefined) return undefined
    const drained = room ? undefined : new Promise<void>((resolve) => {
      this.target.once('drain', resolve)
      this.target.once('close', resolve)
    })
    return Promise.all([drained, writable, full]).then(() => undefined)
  }

  private async until(reached: () => boolean): Promise<void> {
    while (!this.over && !reached()) await new Promise<void>((resolve) => void this.waiters.push(resolve))
  }

  private wake(): void {
    const { waiters } = this
    this.waiters = []
    for (const waiter of waiters) waiter()
  }
}

/** Whatever is wrong with an answer is the target's fault. */
const broken = (thrown: unknown): Refusal => (thrown instanceof Refusal && thrown.code === 'target-failed' ? thrown : new Refusal('target-failed', 'the target broke the SFTP protocol', {}, { cause: thrown }))
