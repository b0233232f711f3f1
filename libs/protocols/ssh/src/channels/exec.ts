import type { MaskPlan, Recognition, Ticket } from '@sallyport/protocol-kit'
import type { ClientChannel, ExecOptions } from 'ssh2'
import { asRefusal } from '../errors.js'
import { limits } from '../limits.js'
import { commandOperation } from '../operations.js'
import type { Conversation } from '../session/conversation.js'
import { Relay, type TargetEnd } from './relay.js'
import { finishChannel, refuseRequest, say, type ChannelRequest } from './request.js'

/** One exec: recognised, judged, run on the target, delivered. Rejects only when the session can't go on. */
export const runExec = async (conversation: Conversation, request: ChannelRequest, command: string): Promise<void> => {
  const { host, gate, options } = conversation
  const recognition = await host.recognise(command, { harmless: options.harmless.join('\n') })
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

interface Allowed {
  readonly ticket: Ticket
  readonly plan: MaskPlan
  readonly recognition: Recognition
}

const runOnTarget = async (conversation: Conversation, request: ChannelRequest, command: string, { ticket, plan, recognition }: Allowed): Promise<void> => {
  const { host, options } = conversation
  let relay: Relay
  try {
    relay = await startOnTarget(conversation, command, execOptions(request), (target) => new Relay({
      host, ticket, plan,
      mask: { hold: request.terminal === undefined ? 'line' : 'viable', delayMaxMs: request.terminal === undefined ? limits.unwatchedDelayMs : limits.watchedDelayMs, binary: options.binary },
      recordedBytesMax: request.terminal === undefined ? host.outputBytesMax : Infinity,
      failed: conversation.fail,
    }, request.channel, target))
  } catch (error) {
    host.finish(ticket, { outcome: 'failed', bytesOut: 0, error: { code: 'target', message: 'the target refused to run it' } })
    say(request, 'Sallyport: the target refused to run this command.')
    return finishChannel(request.channel, error instanceof Error ? 255 : 255)
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

const execOptions = ({ terminal, environment }: ChannelRequest): ExecOptions => ({
  env: environment, ...(terminal === undefined ? {} : { pty: { rows: terminal.rows, cols: terminal.cols, height: terminal.height, width: terminal.width, term: (terminal as { term?: string }).term ?? 'vt100', modes: terminal.modes } as never }),
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
