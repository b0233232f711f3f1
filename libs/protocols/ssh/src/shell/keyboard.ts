import { PassThrough } from 'node:stream'
import type { ServerChannel } from 'ssh2'
import { KeyDecoder, type Key } from './keys.js'

/** What was typed and nobody has asked for: more is not read. */
const QUEUE_BYTES_MAX = 64 * 1024
/** What is typed so soon after a command began was meant for the next prompt, unless the command still runs. */
const TYPED_AHEAD_MS = 200
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
    this.takeRest()
  }

  /** A command runs: what is typed goes to it. */
  forCommand(): PassThrough {
    const stdin = new PassThrough()
    this.interrupted = undefined
    this.running = stdin
    this.early = setTimeout(() => this.handOver(), TYPED_AHEAD_MS)
    return stdin
  }

  /** The command has ended, or was decided about: what is typed is for the prompt again. */
  done(): void {
    clearTimeout(this.early)
    this.early = undefined
    this.interrupted = undefined
    this.running = undefined
    this.resume()
  }

  private receive(chunk: Buffer): void {
    const { running } = this
    if (running !== undefined && this.early === undefined) return this.give(running, chunk)
    const interrupt = chunk.lastIndexOf(INTERRUPT)
    if (interrupt !== -1 && this.interrupted !== undefined) {
      this.takeRest()
      this.enqueue(chunk.subarray(interrupt + 1))
      return this.interrupted()
    }
    this.enqueue(chunk)
    if (interrupt !== -1 && running !== undefined) this.handOver()
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
    const typed = this.takeRest()
    if (typed.length > 0) this.give(running, typed)
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

  private takeRest(): Buffer {
    return Buffer.concat([this.decoder.takeRest(), ...this.takeQueue()])
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
