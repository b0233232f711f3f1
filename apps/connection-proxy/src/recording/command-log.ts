import type { Outcome, RecordedKind, Ticket } from '@sallyport/protocol-kit'
import type { Finish } from '@sallyport/contracts/session'
import { resultMember, sessionEventTypes } from '@sallyport/contracts/session'
import { createHmac, type KeyObject } from 'node:crypto'
import { loggedName } from './logged-name.js'
import type { SessionRecord } from './session-record.js'
import { StreamRecording } from './stream-recording.js'

/** Larger ends go as an event of their own at once: they are not carried along. */
const CARRIED_CHARS_MAX = 16 * 1024
/** Of one end, in bytes of JSON: what was delivered can be larger there than what the bus takes. */
const END_BYTES_MAX = 256 * 1024
const ERROR_CHARS_MAX = 4 * 1024

interface Running {
  readonly approval: string | undefined
  chunks: number
  stream?: StreamRecording
}

const finishTypes: Readonly<Record<Outcome['outcome'], string>> = {
  completed: sessionEventTypes.completed,
  failed: sessionEventTypes.failed,
  cancelled: sessionEventTypes.cancelled,
  lost: sessionEventTypes.commandLost,
}

export interface CommandLogOptions {
  readonly record: SessionRecord
  readonly digestKey: KeyObject
  readonly acknowledgeMs: number
  /** An end waits for the session's next request: asks to be flushed soon if none comes. */
  readonly onCarried: (log: CommandLog) => void
  readonly onApprovedEnd: (approval: string, outcome: Outcome['outcome']) => void
  readonly onEnd: (outcome: Outcome['outcome'], durationMs: number) => void
}

/** Writes the commands of one session into its record. The end of one travels with the next one's request when it can. */
export class CommandLog {
  private carried: { type: string; command: string; data: string }[] = []
  private carriedChars = 0
  private readonly running = new Map<string, Running>()
  commands = 0

  constructor(private readonly options: CommandLogOptions) {}

  get session(): string {
    return this.options.record.session
  }

  /** Whether a command has been let through that has not ended. */
  get busy(): boolean {
    return this.running.size > 0
  }

  /** Records a request; `members` are the JSON members that its statement's runs have in common. */
  requested(command: string, members: string, digest: string, parameters: readonly (string | null)[] | undefined): number {
    this.commands += 1
    let data = `{"command":"${command}",${members},"digest":"${digest}"`
    if (parameters !== undefined) data += `,"parameters":${JSON.stringify(parameters)}`
    if (this.carried.length > 0) data += `,"finished":[${this.carried.map((end) => end.data).join(',')}]`
    const sequence = this.options.record.append(sessionEventTypes.requested, command, `${data}}`)
    // Only now: what could not be recorded carried nothing.
    if (this.carried.length > 0) this.carried = []
    this.carriedChars = 0
    return sequence
  }

  event(type: string, command: string, data: object): number {
    return this.options.record.append(type, command, JSON.stringify(data))
  }

  /** Mints the proof that a command was judged and recorded. */
  ticket(command: string, sequence: number, approval?: string): Ticket {
    this.running.set(command, { approval, chunks: 0 })
    return { command, sequence, startedAt: performance.now() } as Ticket
  }

  /** Records a piece of input by length and keyed digest: its content is never in the log. */
  input(ticket: Ticket, bytes: Uint8Array): number {
    const running = this.running.get(ticket.command)
    const index = running === undefined ? 0 : running.chunks++
    const digest = createHmac('sha256', this.options.digestKey).update(bytes).digest('hex')
    return this.event(sessionEventTypes.chunk, ticket.command, { command: ticket.command, index, bytes: bytes.length, digest })
  }

  /** Adds to what the command streamed. */
  record(ticket: Ticket, kind: RecordedKind, bytes: Uint8Array): void {
    const running = this.running.get(ticket.command)
    if (running === undefined) return
    running.stream ??= this.streamOf(ticket.command)
    running.stream.add(kind, bytes)
  }

  /** Undefined: the command's stream may go on; else resolves when it may again. */
  whenRecorded(ticket: Ticket): Promise<void> | undefined {
    return this.running.get(ticket.command)?.stream?.whenRoom()
  }

  private streamOf(command: string): StreamRecording {
    const { record, acknowledgeMs } = this.options
    return new StreamRecording({
      append: (chunk) => (record.hasEnded ? undefined : this.event(sessionEventTypes.recording, command, { command, ...chunk })),
      acknowledged: (sequence) => record.acknowledgedThrough >= sequence,
      whenAcknowledged: (sequence) => record.whenAcknowledged(sequence, acknowledgeMs),
    })
  }

  finish(ticket: Ticket, outcome: Outcome): void {
    const running = this.running.get(ticket.command)
    if (running === undefined) return
    running.stream?.flush()
    this.running.delete(ticket.command)
    const durationMs = performance.now() - ticket.startedAt
    const data = endText(finishOf(ticket.command, durationMs, outcome, running.stream?.bytes))
    this.carried.push({ type: finishTypes[outcome.outcome], command: ticket.command, data })
    this.carriedChars += data.length
    if (this.carriedChars > CARRIED_CHARS_MAX) this.flush()
    else this.options.onCarried(this)
    this.options.onEnd(outcome.outcome, durationMs)
    if (running.approval !== undefined) this.options.onApprovedEnd(running.approval, outcome.outcome)
  }

  /** Commands that have not ended: their outcome is unknown when the session breaks. */
  loseRunning(): void {
    for (const command of [...this.running.keys()]) this.finish({ command, sequence: 0, startedAt: performance.now() } as Ticket, { outcome: 'lost', bytesOut: 0 })
    this.flush()
  }

  /** Records the ends that wait, as events of their own. */
  flush(): void {
    // Once the session has ended there is nothing that waits: loseRunning came before its last event.
    if (this.options.record.hasEnded) return
    const ends = this.carried
    this.carried = []
    this.carriedChars = 0
    for (const end of ends) this.options.record.append(end.type, end.command, end.data)
  }
}

/** Cut where it is too large: control characters take six bytes each in JSON. */
const endText = (finish: Finish): string => {
  const { error, status } = finish
  const text = JSON.stringify(error === undefined || error.message.length <= ERROR_CHARS_MAX ? finish : { ...finish, error: { ...error, message: `${error.message.slice(0, ERROR_CHARS_MAX)}…` } })
  if (Buffer.byteLength(text) <= END_BYTES_MAX) return text
  return JSON.stringify({ ...finish, status: status?.slice(0, ERROR_CHARS_MAX), error: error && { ...error, message: error.message.slice(0, ERROR_CHARS_MAX) }, resultDeflated: undefined, result: { columns: [], rows: [], truncated: true } })
}

/** Member by member: an outcome may be an object that works its members out only when they are read. */
const finishOf = (command: string, durationMs: number, outcome: Outcome, recorded: number | undefined): Finish => {
  const { rows, bytesOut, masked, digest, status, facts, error, result } = outcome
  return { command, outcome: outcome.outcome, durationUs: Math.round(durationMs * 1000), rows, bytesOut, masked, digest, status, facts, error, recorded, ...(result === undefined ? {} : resultMember({ ...result, columns: result.columns.map(loggedName) })) } as Finish
}
