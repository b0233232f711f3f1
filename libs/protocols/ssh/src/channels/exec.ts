import type { MaskPlan, Recognition, Ticket } from '@sallyport/protocol-kit'
import type { ClientChannel, ExecOptions } from 'ssh2'
import { asRefusal } from '../errors.js'
import { limits } from '../limits.js'
import { commandOperation, withRiskyEnvironment } from '../operations.js'
import type { Conversation } from '../session/conversation.js'
import { isLocale } from './environment.js'
import { Relay, type RelayOptions, type TargetEnd } from './relay.js'
import { finishRequest, refuseRequest, say, type ChannelRequest } from './request.js'

/** What OpenSSH's client exits with when it could not run anything. */
const NOT_RUN_STATUS = 255

/** One exec: recognised, judged, run on the target, delivered. Rejects only when the session can't go on. */
export const runExec = async (conversation: Conversation, request: ChannelRequest, command: string): Promise<void> => {
  const { host, gate, options } = conversation
  const recognition = withRiskyEnvironment(
    await host.recognise(command, { harmless: JSON.stringify(options.harmless), terminal: request.terminal === undefined ? 'no' : 'yes' }),
    Object.keys(request.environment).filter((name) => !isLocale(name)),
  )
  const environment = Object.entries(request.environment).map(([name, value]) => `${name}=${value}`)
  const operation = commandOperation(recognition, command, { username: conversation.username, environment, terminal: request.terminal !== undefined })
  const verdict = await gate.judge(operation, (notice) => say(request, notice.text), request.signal)
  if (verdict.kind === 'refuse') return refuseRequest(request, verdict.refusal)
  const { ticket } = verdict
  let plan: MaskPlan
  try {
    plan = await host.maskPlan({ touches: recognition.touches, outputs: [] })
    if (!recognition.provenRead) await host.whenAcknowledged(ticket.sequence)
  } catch (thrown) {
    host.finish(ticket, { outcome: 'failed', bytesOut: 0, error: { code: 'unavailable', message: 'it could not be recorded or masked, and did not run' } })
    return refuseRequest(request, asRefusal(thrown))
  }
  if (request.signal.aborted) return host.finish(ticket, { outcome: 'cancelled', bytesOut: 0 })
  await runOnTarget(conversation, request, command, { ticket, plan, recognition })
}

export interface Allowed {
  readonly ticket: Ticket
  readonly plan: MaskPlan
  readonly recognition: Recognition
}

/** Runs a text that was allowed, carries its streams, and ends the channel as it ended. */
const runOnTarget = async (conversation: Conversation, request: ChannelRequest, command: string, allowed: Allowed): Promise<void> => {
  const { host } = conversation
  const { ticket, recognition } = allowed
  let relay: Relay
  try {
    relay = await startOnTarget(conversation, command, execOptions(request), (target) => {
      relayRequests(conversation, request, ticket, target)
      return new Relay(relayOptions(conversation, request, allowed), request.channel, request.outflow, target)
    })
  } catch {
    host.finish(ticket, { outcome: 'failed', bytesOut: 0, error: { code: 'target', message: 'the target refused to run it' } })
    say(request, 'Sallyport: the target refused to run this command.')
    return finishRequest(request, NOT_RUN_STATUS)
  }
  const leave = (): void => relay.leave()
  request.signal.addEventListener('abort', leave, { once: true })
  if (request.signal.aborted) leave()
  // A proven read has run at once; nothing of it goes out before its record is safe.
  if (recognition.provenRead) await host.whenAcknowledged(ticket.sequence)
  await relay.run()
  request.signal.removeEventListener('abort', leave)
  host.finish(ticket, relay.outcome())
  if (!relay.left) close(request, relay.targetEnd)
}

const relayOptions = (conversation: Conversation, { terminal }: ChannelRequest, { ticket, plan }: Allowed): RelayOptions => {
  const { host, options: { binary } } = conversation
  return {
    host, ticket, plan, kind: 'program', failed: conversation.fail,
    mask: terminal === undefined ? { hold: 'line', delayMaxMs: limits.unwatchedDelayMs, binary } : { hold: 'viable', delayMaxMs: limits.watchedDelayMs, binary },
    recordedBytesMax: terminal === undefined ? host.outputBytesMax : Infinity,
  }
}

/** Signals and sizes go on to what runs; sizes are in the recording, which could not be played without. */
const relayRequests = ({ host }: Conversation, request: ChannelRequest, ticket: Ticket, target: ClientChannel): void => {
  const resized = (cols: number, rows: number): void => host.record(ticket, 'resize', Buffer.from(`${cols}x${rows}`))
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

const execOptions = ({ terminal, environment }: ChannelRequest): ExecOptions => ({
  env: environment, ...(terminal === undefined ? {} : { pty: { rows: terminal.rows, cols: terminal.cols, height: terminal.height, width: terminal.width, term: terminal.term, modes: terminal.modes } as never }),
})

/** What listens to the channel must do so before its next message comes: `attach` is called in the library's own callback. */
const startOnTarget = (conversation: Conversation, command: string, options: ExecOptions, attach: (target: ClientChannel) => Relay): Promise<Relay> => new Promise((resolve, reject) => {
  conversation.upstream.exec(command, options, (error, target) => {
    if (error === undefined) resolve(attach(target))
    else reject(error)
  })
})

const close = ({ channel }: ChannelRequest, end: TargetEnd): void => {
  switch (end.kind) {
    case 'status':
      channel.exit(end.status)
      break
    case 'signal':
      channel.exit(end.signal, end.dumped, end.text)
      break
    case 'none':
      break
    default:
      end satisfies never
  }
  channel.end()
}
