import type { MaskPlan, SessionHost, Ticket } from '@sallyport/protocol-kit'
import type { Outflow } from '../channels/outflow.js'
import type { OutputFilter } from '../channels/relay.js'

const RED = '\x1b[31m'
const PLAIN = '\x1b[0m'

/** The terminal of a governed shell: what the gateway itself says on it, and the one recording of it. */
export class Screen {
  /** Bytes that the gateway has written itself. */
  bytesOut = 0
  private atLineStart = true

  constructor(
    private readonly host: SessionHost,
    private readonly ticket: Ticket,
    private readonly plan: Pick<MaskPlan, 'stream'>,
    private readonly outflow: Outflow,
  ) {}

  /** What follows what is typed, sign by sign: it is recorded once the line is complete, when what is secret in it can be seen. */
  echo(text: string): void {
    this.write(text)
  }

  /** A prompt, as it is shown and recorded. */
  prompt(text: string): void {
    this.record(text)
  }

  /** A line that was typed, as it is recorded. */
  typed(text: string): void {
    this.record(`${text.replaceAll('\n', '\r\n')}\r\n`)
    this.atLineStart = true
  }

  say(text: string): void {
    this.print(`${text}\r\n`)
  }

  /** `recorded`: the same without what is secret in it. */
  sayHiding(text: string, recorded: string): void {
    this.write(`${text}\r\n`)
    this.record(`${recorded}\r\n`)
    this.atLineStart = true
  }

  refuse(text: string): void {
    this.print(`${RED}${text}${PLAIN}\r\n`)
  }

  /** Begins a row of its own: what a command has written stays. */
  startRow(): void {
    if (!this.atLineStart) this.print('\r\n')
    this.atLineStart = true
  }

  resized(columns: number, rows: number): void {
    this.host.record(this.ticket, 'resize', Buffer.from(`${columns}x${rows}`))
  }

  /** Undefined: there is room for more. */
  whenRoom(): Promise<unknown> | undefined {
    const recorded = this.host.whenRecorded(this.ticket)
    const written = this.outflow.whenRoom()
    return recorded === undefined && written === undefined ? undefined : Promise.all([recorded, written])
  }

  /** Sees where the output of a command ends. */
  watching(filter: OutputFilter | undefined): OutputFilter {
    const see = (chunk: Buffer): Buffer => {
      if (chunk.length > 0) this.atLineStart = endsRow(chunk)
      return chunk
    }
    return { write: (chunk) => see(filter === undefined ? chunk : filter.write(chunk)), end: () => see(filter === undefined ? Buffer.alloc(0) : filter.end()) }
  }

  private print(text: string): void {
    this.write(text)
    this.record(text)
    this.atLineStart = text.endsWith('\n')
  }

  private write(text: string): void {
    const bytes = Buffer.from(text)
    this.bytesOut += bytes.length
    this.outflow.write('output', bytes)
  }

  private record(text: string): void {
    const mask = this.plan.stream({ hold: 'line', delayMaxMs: 0, binary: 'mask' })
    for (const piece of [...mask.write(Buffer.from(text), this.host.now()), ...mask.end()]) this.host.record(this.ticket, 'output', piece)
  }
}

const TAIL_BYTES = 256
/** Whether the cursor stands at the beginning of a row: programs of the whole screen say so by many sequences behind their last line. */
// eslint-disable-next-line no-control-regex
const SEQUENCES = /(?:\x1b\[[0-?]{0,32}[ -/]{0,8}[@-~]|\x1b\][^\x07\x1b]{0,200}(?:\x07|\x1b\\)|\x1b[=>78])+$/

const endsRow = (chunk: Buffer): boolean => {
  const tail = chunk.subarray(-TAIL_BYTES).toString('latin1').replace(SEQUENCES, '')
  return tail === '' || tail.endsWith('\n') || tail.endsWith('\r')
}
