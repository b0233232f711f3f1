import { needsCovered, type Approval, type ApprovalRequest } from '@sallyport/contracts/approval'
import type { DecideReply } from '@sallyport/contracts/policy'
import { sessionEventTypes } from '@sallyport/contracts/session'
import { Refusal, type HoldNotice, type Operation, type Ticket } from '@sallyport/protocol-kit'
import type { CommandLog } from '../recording/command-log.js'
import type { JudgedSubject } from './decisions.js'
import { loggedStatement, withNamed } from './log-text.js'
import type { CompiledPlan } from './plans.js'
import type { JudgeServices } from './session-judge.js'

export interface HeldCommand {
  readonly command: string
  readonly digest: string
  readonly operation: Operation
  readonly reply: DecideReply
  readonly plan: CompiledPlan
  /** Told which approval it waits for. */
  readonly onApproval: (approval: string) => void
}

const SUMMARY_CHARS_MAX = 8 * 1024

/** What a stream will bring is in no digest: whoever approves must know that, and a parked command could come back with anything. */
const STREAM_NOTE = '\n(Not part of what is approved: the data that the client sends while it runs. It is recorded.)'
const noteOf = ({ operation }: HeldCommand): string => (operation.input === 'stream' ? STREAM_NOTE : '')

/**
 * A command that needs people: parked ones are refused now and claimed on retry, others wait in flight. What runs is what was shown,
 * at most once: the digest is compared when it is released. Judged once more, with today's policies, before it runs.
 * Resolves with its ticket; rejects with a Refusal, or with the signal's reason.
 */
export const runHold = async (
  services: JudgeServices, subject: JudgedSubject, log: CommandLog, held: HeldCommand, onHeld: (notice: HoldNotice) => void, signal: AbortSignal,
): Promise<Ticket> => {
  const park = held.reply.needs.some((need) => need.park)
  if (park && held.operation.input === 'stream') {
    throw new Refusal('denied', `${held.reply.reason} It can't be parked: the data that it brings is not known before it runs`, {
      remedy: 'Send it so that all of it is in the command itself, with no input of its own, or ask for a policy that holds it instead of parking it.',
    })
  }
  if (park) {
    const claimed = await services.holds.claim(held.digest, subject.principal.uid, held.command)
    if (claimed !== undefined) return released(services, subject, log, held, claimed, signal)
  }
  const approval = await services.holds.request(requestOf(services, subject, log, held, park))
  log.event(sessionEventTypes.held, held.command, { command: held.command, approval: approval.id, mode: approval.mode, needs: held.reply.needs })
  const exact = { text: withNamed(held.operation.text, (held.operation.standsFor ?? []).map(({ text }) => text)) + noteOf(held), parameters: held.operation.parameters ?? [], digest: held.digest }
  if (park) {
    services.holds.keepParked(approval, exact)
    throw new Refusal('parked', held.reply.reason, { approval: approval.id, remedy: `Send exactly the same command again once ${approversOf(held.reply)} approved it, until ${approval.expiresAt}.` })
  }
  held.onApproval(approval.id)
  onHeld({ approval: approval.id, command: held.command, text: noticeText(held.reply, approval) })
  const approved = await services.holds.wait(approval, exact, held.operation.holdCapMs, signal)
  signal.throwIfAborted()
  const now = await services.holds.release(approved, held.digest, held.command)
  return released(services, subject, log, held, now, signal)
}

/** The approval is used up now, whatever follows: who cancels or leaves from here on is told nothing else than that it did not run. */
const released = async (services: JudgeServices, subject: JudgedSubject, log: CommandLog, held: HeldCommand, approval: Approval, signal: AbortSignal): Promise<Ticket> => {
  try {
    const today = await services.decisions.decideAgain(subject, held.operation.recognition.effects)
    signal.throwIfAborted()
    refuseUnlessCovered(today, approval)
  } catch (refusal) {
    services.holds.reportExecuted(approval.id, signal.aborted ? 'cancelled' : 'refused')
    throw refusal
  }
  const approvedBy = approval.resolutions.filter((resolution) => resolution.verdict === 'approve').map((resolution) => resolution.by)
  const sequence = log.event(sessionEventTypes.released, held.command, { command: held.command, approval: approval.id, approvedBy })
  return log.ticket(held.command, sequence, approval.id)
}

const refuseUnlessCovered = (today: DecideReply, approval: Approval): void => {
  if (today.outcome === 'deny') throw new Refusal('denied', today.reason, { approval: approval.id, policies: today.policies, ...(today.remedy === undefined ? {} : { remedy: today.remedy }) })
  if (today.outcome === 'hold' && !needsCovered(approval.needs, today.needs)) {
    throw new Refusal('hold-expired', 'the policies want more approvals now than were asked for', { approval: approval.id, policies: today.policies, remedy: 'Send the command again to ask anew.' })
  }
}

const requestOf = (services: JudgeServices, subject: JudgedSubject, log: CommandLog, held: HeldCommand, park: boolean): ApprovalRequest => ({
  command: held.command,
  session: log.session,
  proxy: services.proxy,
  principal: subject.principal,
  connection: subject.connection.name,
  action: held.operation.recognition.action,
  summary: loggedStatement(held.operation, held.plan).slice(0, SUMMARY_CHARS_MAX) + noteOf(held),
  digest: held.digest,
  needs: [...held.reply.needs],
  mode: park ? 'park' : 'hold',
})

const approversOf = (reply: DecideReply): string =>
  reply.needs.map((need) => `${need.count === 1 ? 'one person' : `${need.count} people`} of ${need.group}`).join(' and ')

const noticeText = (reply: DecideReply, approval: Approval): string =>
  `Sallyport holds this command until ${approversOf(reply)} approved it: ${reply.reason} [approval ${approval.id}, until ${approval.expiresAt}]`
