import { PassThrough } from 'node:stream'
import type { ServerChannel } from 'ssh2'
import { KeyDecoder, type Key } from './keys.js'

/** What was typed and nobody has asked for: more is not read. */
const QUEUE_BYTES_MAX = 64 * 1024
/** What is typed so soon after a command began goes to it only if it still runs then; else it was meant for the next prompt. */
const TYPED_AHEAD_MS = 200
/** The longest time that a timer takes. */
const NEVER_MS = 2 ** 31 - 1
const INTERRUPT = 0x03

/** What comes from a client's terminal, and who it is for: the prompt, or the command that runs. */
export class Keyboard {
  private readonly decoder = new KeyDecoder()
  private queue: Buffer[] = []
  private queued = 0
  private ended = false
  private wake: (() => void) | undefined
  private interrupted: (() => void) | undefined
  private running: PassThrough | undefined
  private early: NodeJS.Timeout | undefined
  /** Typed since the command began, as long as it is not known who it is for. */
  private undecided: Buffer[] = []

  /** `signal`: nothing is typed any more. */
  constructor(
    private readonly channel: ServerChannel,
    signal: AbortSignal,
  ) {
    channel.on('data', (chunk: Buffer) => this.receive(chunk))
    channel.once('end', () => this.finish())
    signal.addEventListener('abort', () => this.finish(), { once: true })
  }

  /** The next key; undefined when there are no more. */
  async key(): Promise<Key | undefined> {
    for (;;) {
      const key = this.decoder.next()
      if (key !== undefined) return key
      if (this.queue.length > 0) {
        for (const chunk of this.takeQueue()) this.decoder.push(chunk)
        continue
      }
      if (this.ended) return undefined
      await new Promise<void>((resolve) => { this.wake = resolve })
    }
  }

  /** Until `done`: Ctrl-C calls back and takes with it what was typed before; everything else waits. */
  onInterrupt(interrupted: () => void): void {
    this.interrupted = interrupted
  }

  /** What was typed meanwhile is forgotten: it was meant for something else. */
  forget(): void {
    this.decoder.forget()
    this.takeQueue()
  }

  /** A command runs: what is typed from now on goes to it. What was typed before stays for the prompt. Unless it `reads`, it gets nothing but Ctrl-C. */
  forCommand(reads: boolean): PassThrough {
    const stdin = new PassThrough()
    this.interrupted = undefined
    this.running = stdin
    this.early = setTimeout(() => this.handOver(), reads ? TYPED_AHEAD_MS : NEVER_MS)
    return stdin
  }

  /** The command has ended, or was decided about: what is typed is for the prompt again. */
  done(): void {
    clearTimeout(this.early)
    this.early = undefined
    this.interrupted = undefined
    this.running = undefined
    for (const chunk of this.undecided.splice(0)) this.enqueue(chunk)
    this.resume()
  }

  private receive(chunk: Buffer): void {
    const { running } = this
    const interrupt = chunk.lastIndexOf(INTERRUPT)
    if (running !== undefined) {
      // As a terminal does it: what waits behind an interrupted command goes with it.
      if (interrupt !== -1) this.forget()
      if (this.early === undefined) return this.give(running, chunk)
      this.undecided.push(chunk)
      if (this.undecided.reduce((sum, { length }) => sum + length, 0) > QUEUE_BYTES_MAX) this.channel.pause()
      return interrupt === -1 ? undefined : this.handOver()
    }
    if (interrupt !== -1 && this.interrupted !== undefined) {
      this.forget()
      this.enqueue(chunk.subarray(interrupt + 1))
      return this.interrupted()
    }
    this.enqueue(chunk)
    this.wake?.()
  }

  private enqueue(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.queue.push(chunk)
    this.queued += chunk.length
    if (this.queued > QUEUE_BYTES_MAX) this.channel.pause()
  }

  private handOver(): void {
    clearTimeout(this.early)
    this.early = undefined
    const { running } = this
    if (running === undefined) return
    for (const chunk of this.undecided.splice(0)) this.give(running, chunk)
    if (this.ended) running.end()
    else this.resume()
  }

  private give(running: PassThrough, chunk: Buffer): void {
    if (running.write(chunk)) return
    this.channel.pause()
    running.once('drain', () => this.resume())
  }

  private takeQueue(): readonly Buffer[] {
    const { queue } = this
    this.queue = []
    this.queued = 0
    this.resume()
    return queue
  }

  private resume(): void {
    if (!this.ended) this.channel.resume()
  }

  private finish(): void {
    if (this.ended) return
    this.ended = true
    if (this.early === undefined) this.running?.end()
    this.wake?.()
  }
}
