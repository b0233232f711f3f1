import type { HoldNotice, Operation, Recognition } from '@sallyport/protocol-kit'
import { runJudged, type Execution, type Ran } from '../channels/exec.js'
import type { OutputFilter } from '../channels/relay.js'
import type { ChannelRequest } from '../channels/request.js'
import { commandOperation, withRiskyEnvironment } from '../operations.js'
import type { Conversation } from '../session/conversation.js'
import { ReportFilter } from './report-filter.js'
import { afterLine, circumstancesOf, riskyVariables, shownCircumstances, type ShellState } from './shell-state.js'
import { readReport, wrapped, wrappedWithReport } from './wrapped-line.js'

const NONCE_BYTES = 16
/** What a shell exits with that a signal has ended, less the signal's number (POSIX, 2.8.2). */
const SIGNALLED = 128
const SIGNAL_NUMBERS: Readonly<Record<string, number>> = { HUP: 1, INT: 2, QUIT: 3, ILL: 4, TRAP: 5, ABRT: 6, BUS: 7, FPE: 8, KILL: 9, USR1: 10, SEGV: 11, USR2: 12, PIPE: 13, ALRM: 14, TERM: 15 }
const REFUSED = 126
const NOT_RUN = 255

/** What a line means where it would run. */
export const recogniseLine = async ({ host, options }: Conversation, state: ShellState, terminal: boolean, text: string): Promise<Recognition> => {
  const settings = { harmless: JSON.stringify(options.harmless), terminal: terminal ? 'yes' : 'no', ...(state.directory === undefined ? {} : { directory: state.directory }) }
  return host.recognise(text, settings)
}

export interface LineRun {
  readonly text: string
  /** As {@link recogniseLine} has it. */
  readonly recognition: Recognition
  /** It may change the shell: what it leaves is asked of it. */
  readonly changesShell: boolean
  readonly state: ShellState
  readonly asker: ChannelRequest
  readonly input: Operation['input']
  readonly onHeld?: (notice: HoldNotice) => void
  /** It is allowed and begins: where its streams go. */
  readonly begins: (report: OutputFilter | undefined) => ReturnType<NonNullable<Execution['begins']>>
}

/** `state`: with what the line has left; undefined when the client has gone. */
export interface LineRan {
  readonly ran: Ran
  readonly state: ShellState
  /** It changed more variables than are kept. */
  readonly tooMuch: boolean
}

/** Judges one line as the command that it is, runs it where the lines before have left the shell, and reads back what it leaves. */
export const runLine = async (conversation: Conversation, { text, recognition, changesShell, state, asker, input, onHeld, begins }: LineRun): Promise<LineRan> => {
  const judged = withRiskyEnvironment(recognition, riskyVariables(state))
  const operation: Operation = {
    ...commandOperation(judged, text, { username: conversation.username, environment: ['governed', ...circumstancesOf(state), ...environmentOf(asker)], terminal: asker.terminal !== undefined }, input),
    parameters: shownCircumstances(state),
  }
  const nonce = Buffer.from(conversation.host.random(NONCE_BYTES)).toString('hex')
  const report = changesShell ? new ReportFilter(nonce) : undefined
  const whole = changesShell ? wrappedWithReport(state, text, nonce, assignedBy(recognition)) : wrapped(state, text)
  const ran = await runJudged(conversation, asker, {
    operation, begin: (upstream, options, done) => upstream.exec(whole, options, done), ...(onHeld === undefined ? {} : { onHeld }),
    begins: () => begins(report),
  })
  return { ran, ...afterLine(state, statusOf(ran), report === undefined ? undefined : readReport(report.texts)) }
}

const environmentOf = ({ environment }: ChannelRequest): readonly string[] => Object.entries(environment).map(([name, value]) => `${name}=${value}`)

const assignedBy = ({ effects }: Recognition): readonly string[] => [...new Set(effects.flatMap(({ facts }) => (Array.isArray(facts['environment']) ? facts['environment'] as readonly string[] : [])))]

const statusOf = (ran: Ran): number => {
  switch (ran.kind) {
    case 'refused':
      return REFUSED
    case 'not-run':
    case 'left':
      return NOT_RUN
    case 'ended':
      if (ran.end.kind === 'status') return ran.end.status
      return ran.end.kind === 'signal' ? SIGNALLED + (SIGNAL_NUMBERS[ran.end.signal] ?? 0) : NOT_RUN
    default:
      return ran satisfies never
  }
}

const SECRET = '***'

/** A line as it may be recorded: without what looks like a secret in it. */
export const withoutSecrets = (text: string, { secrets = [] }: Recognition): string => {
  const bytes = Buffer.from(text)
  let from = 0
  let kept = ''
  for (const [start, end] of secrets) {
    kept += bytes.toString('utf8', from, start) + SECRET
    from = end
  }
  return kept + bytes.toString('utf8', from)
}
