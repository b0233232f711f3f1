import type { Readable } from 'node:stream'
import type { HoldNotice, MaskPlan, Operation, Refusal, Ticket } from '@sallyport/protocol-kit'
import type { Client, ClientChannel, ExecOptions } from 'ssh2'
import { asRefusal } from '../errors.js'
import { limits } from '../limits.js'
import { commandOperation, withRiskyEnvironment } from '../operations.js'
import type { Conversation } from '../session/conversation.js'
import { typing } from '../shell/keystrokes.js'
import { isLocale } from './environment.js'
import { Relay, type RelayOptions, type TargetEnd } from './relay.js'
import { standardInput } from './standard-input.js'
import { finishRequest, refuseRequest, say, type ChannelRequest } from './request.js'

/** What OpenSSH's client exits with when it could not run anything. */
const NOT_RUN_STATUS = 255

/** One exec: recognised, judged, run on the target, delivered. Rejects only when the session can't go on. */
export const runExec = async (conversation: Conversation, request: ChannelRequest, command: string): Promise<void> => {
  const { host, options } = conversation
  const recognition = withRiskyEnvironment(
    await host.recognise(command, { harmless: JSON.stringify(options.harmless), terminal: request.terminal === undefined ? 'no' : 'yes' }),
    Object.keys(request.environment).filter((name) => !isLocale(name)),
  )
  const environment = Object.entries(request.environment).map(([name, value]) => `${name}=${value}`)
  const input = recognition.provenRead || request.terminal !== undefined ? 'stream' : await standardInput(request.channel)
  const operation = commandOperation(recognition, command, { username: conversation.username, environment, terminal: request.terminal !== undefined }, input)
  const ran = await runJudged(conversation, request, { operation, begin: (upstream, options, done) => upstream.exec(command, options, done) })
  return concludeRequest(request, ran)
}

/** How the library is told to start something. */
export type Begin = (upstream: Client, options: ExecOptions, done: (error: Error | undefined, target: ClientChannel) => void) => unknown

export interface Execution {
  readonly operation: Operation
  readonly begin: Begin
  /** Once, when it is allowed and is about to run. */
  readonly begins?: () => Partial<RelayOptions> & { /** Instead of the channel. */ readonly input?: Readable }
  /** Without it the client is told on the channel. */
  readonly onHeld?: (notice: HoldNotice) => void
}

/** `left`: the client has gone, or the session ended. */
export type Ran = { readonly kind: 'ended'; readonly end: TargetEnd } | { readonly kind: 'left' } | { readonly kind: 'refused'; readonly refusal: Refusal } | { readonly kind: 'not-run' }


/** Judges an operation, runs it on the target when it is allowed, and carries its streams. Rejects only when the session can't go on. */
export const runJudged = async (conversation: Conversation, request: ChannelRequest, execution: Execution): Promise<Ran> => {
  const admitted = await admitOperation(conversation, request, execution.operation, execution.onHeld)
  return admitted.kind === 'allowed' ? runOnTarget(conversation, request, execution, admitted.ticket, admitted.plan) : admitted
}

export interface Allowed {
  readonly kind: 'allowed'
  readonly ticket: Ticket
  readonly plan: MaskPlan
}

/** Judges an operation; when it is allowed, its record is safe (a proven read's need not be yet) and its output can be masked. */
export const admitOperation = async ({ host, gate }: Conversation, request: ChannelRequest, operation: Operation, onHeld?: (notice: HoldNotice) => void): Promise<Allowed | Extract<Ran, { readonly kind: 'refused' | 'left' }>> => {
  const { recognition } = operation
  const verdict = await gate.judge(operation, onHeld ?? ((notice) => say(request, notice.text)), request.signal)
  if (verdict.kind === 'refuse') return { kind: 'refused', refusal: verdict.refusal }
  const { ticket } = verdict
  let plan: MaskPlan
  try {
    plan = await host.maskPlan({ touches: recognition.touches, outputs: [] })
    if (!recognition.provenRead) await host.whenAcknowledged(ticket.sequence)
  } catch (thrown) {
    host.finish(ticket, { outcome: 'failed', bytesOut: 0, error: { code: 'unavailable', message: 'it could not be recorded or masked, and did not run' } })
    return { kind: 'refused', refusal: asRefusal(thrown) }
  }
  if (!request.signal.aborted) return { kind: 'allowed', ticket, plan }
  host.finish(ticket, { outcome: 'cancelled', bytesOut: 0 })
  return { kind: 'left' }
}

/** Runs what was allowed, and carries its streams. */
const runOnTarget = async (conversation: Conversation, request: ChannelRequest, { operation, begin, begins }: Execution, ticket: Ticket, plan: MaskPlan): Promise<Ran> => {
  const { host } = conversation
  const { input, ...streams } = begins?.() ?? {}
  const options = { ...relayOptions(conversation, request, ticket, plan), ...streams }
  let relay: Relay
  try {
    relay = await startOnTarget(conversation, begin, execOptions(request), (target) => {
      relayRequests(conversation, request, options.recording === undefined ? ticket : undefined, target)
      return new Relay(options, input ?? request.channel, request.outflow, target)
    })
  } catch {
    host.finish(ticket, { outcome: 'failed', bytesOut: 0, error: { code: 'target', message: 'the target refused to run it' } })
    say(request, 'Sallyport: the target refused to run this command.')
    return { kind: 'not-run' }
  }
  const leave = (): void => relay.leave()
  request.signal.addEventListener('abort', leave, { once: true })
  if (request.signal.aborted) leave()
  // A proven read has run at once; nothing of it goes out before its record is safe.
  if (operation.recognition.provenRead) await host.whenAcknowledged(ticket.sequence)
  await relay.run()
  request.signal.removeEventListener('abort', leave)
  host.finish(ticket, relay.outcome())
  return relay.left ? { kind: 'left' } : { kind: 'ended', end: relay.targetEnd }
}

/** Ends the channel as what it asked for has ended. */
export const concludeRequest = async (request: ChannelRequest, ran: Ran): Promise<void> => {
  switch (ran.kind) {
    case 'ended':
      return close(request, ran.end)
    case 'left':
      return undefined
    case 'refused':
      return refuseRequest(request, ran.refusal)
    case 'not-run':
      return finishRequest(request, NOT_RUN_STATUS)
    default:
      return ran satisfies never
  }
}

const relayOptions = (conversation: Conversation, { terminal }: ChannelRequest, ticket: Ticket, plan: MaskPlan): RelayOptions => {
  const { host, options: { binary, keystrokes } } = conversation
  const carried = { host, ticket, plan, kind: 'program', failed: conversation.fail } as const
  if (terminal === undefined) return { ...carried, mask: { hold: 'line', delayMaxMs: limits.unwatchedDelayMs, binary }, recordedBytesMax: host.outputBytesMax }
  return { ...carried, mask: { hold: 'viable', delayMaxMs: limits.watchedDelayMs, binary: 'mask' }, recordedBytesMax: Infinity, ...typing(host, ticket, plan, keystrokes) }
}

/** Signals and sizes go on to what runs; sizes are in the recording, which could not be played without. */
const relayRequests = ({ host }: Conversation, request: ChannelRequest, recording: Ticket | undefined, target: ClientChannel): void => {
  const resized = (cols: number, rows: number): void => {
    if (recording !== undefined) host.record(recording, 'resize', Buffer.from(`${cols}x${rows}`))
  }
  if (request.terminal !== undefined) resized(request.terminal.cols, request.terminal.rows)
  request.onResize = ({ rows, cols, height, width }) => {
    if (request.terminal === undefined) return
    target.setWindow(rows, cols, height, width)
    resized(cols, rows)
  }
  request.onSignal = (name) => {
    if (SIGNALS.has(name)) target.signal(name)
  }
}

/** RFC 4254, section 6.10. */
const SIGNALS: ReadonlySet<string> = new Set(['ABRT', 'ALRM', 'FPE', 'HUP', 'ILL', 'INT', 'KILL', 'PIPE', 'QUIT', 'SEGV', 'TERM', 'USR1', 'USR2'])

const execOptions = ({ terminal, environment }: Pick<ChannelRequest, 'terminal' | 'environment'>): ExecOptions => ({
  env: environment, ...(terminal === undefined ? {} : { pty: { rows: terminal.rows, cols: terminal.cols, height: terminal.height, width: terminal.width, term: terminal.term, modes: terminal.modes } as never }),
})

/** What listens to the channel must do so before its next message comes: `attach` is called in the library's own callback. */
const startOnTarget = ({ upstream }: Conversation, begin: Begin, options: ExecOptions, attach: (target: ClientChannel) => Relay): Promise<Relay> => new Promise((resolve, reject) => {
  begin(upstream, options, (error, target) => {
    if (error === undefined) resolve(attach(target))
    else reject(error)
  })
})

const close = async (request: ChannelRequest, end: TargetEnd): Promise<void> => {
  const { channel, outflow, signal } = request
  switch (end.kind) {
    case 'status':
      channel.exit(end.status)
      break
    case 'signal':
      channel.exit(end.signal, end.dumped, end.text)
      break
    case 'none':
      // Said here: a client whose last channel closes doesn't wait for what the session has to say.
      say(request, 'Sallyport: the target ended this command without a status.')
      await outflow.drained()
      break
    default:
      end satisfies never
  }
  if (!signal.aborted) channel.end()
}
