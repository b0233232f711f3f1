import type { replay, SessionView } from '@sallyport/contracts/audit'
import type { z } from 'zod'
import { renderTable } from './table.js'
import { padEnd, visible, visibleLines } from './visible.js'

export type ReplayEntry = z.infer<typeof replay.response>['entries'][number]

const RULE = '─'.repeat(80)
const LABEL_COLUMNS = 12
const STATEMENT_LINES_SHOWN = 40
const OUTPUT_LINES_SHOWN = 200
const PARAMETERS_SHOWN = 20

/** A word and a mark that can be searched for; the mark says at a glance whether the target was touched. */
const outcomes: Readonly<Record<ReplayEntry['status'], string>> = {
  requested: '…  RUNNING',
  held: '…  WAITING FOR APPROVAL',
  released: '…  RUNNING, APPROVED',
  refused: '✗  REFUSED',
  withdrawn: '✗  WITHDRAWN',
  completed: '✓  COMPLETED',
  failed: '!  FAILED',
  cancelled: '!  CANCELLED',
  lost: '?  LOST',
}

const field = (label: string, value: string): string => `${padEnd(label, LABEL_COLUMNS)}${value}`
const inset = (lines: readonly string[]): string => lines.map((line) => `      ${line}`.trimEnd()).join('\n')

/** Who, for whom, from where, on what, when and how long. */
export const renderHeader = (session: SessionView, principal: Readonly<Record<string, unknown>>): string => {
  const lines = [
    `SESSION ${session.id}`,
    RULE,
    field('who', partyOf(principal, session.uid)),
    ...(session.onBehalfOf.length === 0 ? [] : [field('for', visible(session.onBehalfOf.join(', for ')))]),
    field('from', visible(session.sourceAddress)),
    field('connection', visible(`${session.connection} (${session.protocol}, through ${session.proxy})`)),
    field('opened', time(session.openedAt)),
    field('ended', session.closedAt === null ? 'it is still open' : `${time(session.closedAt)}, after ${elapsed(Date.parse(session.closedAt) - Date.parse(session.openedAt))}`),
    field('status', visible(session.reason === null ? session.status : `${session.status}: ${session.reason}`)),
    field('commands', String(session.commands)),
    RULE,
  ]
  return `${lines.join('\n')}\n`
}

const partyOf = (principal: Readonly<Record<string, unknown>>, uid: string): string => {
  const { kind, owner, groups, issuer } = principal
  const notes = [
    ...(kind === 'agent' ? ['agent'] : []),
    ...(typeof owner === 'string' ? [`answered for by ${owner}`] : []),
    ...(Array.isArray(groups) && groups.length > 0 ? [`in ${groups.join(', ')}`] : []),
    ...(typeof issuer === 'string' ? [`known by ${issuer}`] : []),
  ]
  return visible(notes.length === 0 ? uid : `${uid} (${notes.join('; ')})`)
}

/** One command: when and how it ended, what it was, who decided, what came back. `number` counts from 1 within the session. */
export const renderEntry = (entry: ReplayEntry, number: number, session: SessionView): string => {
  const since = elapsed(Date.parse(entry.requestedAt) - Date.parse(session.openedAt))
  const parts = [
    `\n${padEnd(`#${number}`, 6)}${outcomes[entry.status]}  ${visible(entry.action)}`,
    inset([`${time(entry.requestedAt)}  (+${since})  ${entry.id}`, '']),
    inset(statementOf(entry)),
    inset(['', ...decisionOf(entry), ...approvalOf(entry), ...endOf(entry)]),
  ]
  const table = entry.finish?.result === undefined ? [] : renderTable(entry.finish.result, entry.finish.rows)
  if (table.length > 0) parts.push(inset(['', ...table]))
  if (entry.output !== undefined) parts.push(inset(['', ...outputOf(entry.output)]))
  return `${parts.join('\n')}\n`
}

const statementOf = (entry: ReplayEntry): string[] => {
  const lines = visibleLines(entry.statement)
  const shown = lines.slice(0, STATEMENT_LINES_SHOWN).map((line) => `│ ${line}`)
  if (lines.length > shown.length) shown.push(`│ … ${lines.length - shown.length} more lines (${entry.statementBytes} bytes in all)`)
  const parameters = (entry.parameters ?? []).slice(0, PARAMETERS_SHOWN).map((value, index) => `$${index + 1} = ${value === null ? 'NULL' : visible(value)}`)
  const more = (entry.parameters?.length ?? 0) - parameters.length
  return [...shown, ...parameters.map((line) => `│ ${line}`), ...(more > 0 ? [`│ … ${more} more parameters`] : [])]
}

/** What a terminal shows for ever: without the signs that move its cursor and colour it. */
const outputOf = ({ text, truncated }: NonNullable<ReplayEntry['output']>): string[] => {
  const lines = visibleLines(withoutControls(text).replace(/\n$/, ''))
  const shown = lines.slice(0, OUTPUT_LINES_SHOWN).map((line) => `> ${line}`)
  return lines.length > shown.length || truncated ? [...shown, `> … more was recorded: play it, or read it with format=asciicast`] : shown
}

/** ECMA-48 control sequences, operating system commands, and carriage returns before line feeds. */
// eslint-disable-next-line no-control-regex
const CONTROLS = /\x1b\[[0-?]{0,64}[ -/]{0,8}[@-~]|\x1b\][^\x07\x1b]{0,1024}(?:\x07|\x1b\\)|\x1b[ -/]{1,8}[0-~]|\x1b[0-Z\\-~]|[\x07\x0e\x0f]|\r(?=\n)/g
const withoutControls = (text: string): string => text.replace(CONTROLS, '')

const decisionOf = ({ decision, refusal }: ReplayEntry): string[] => {
  const by = decision.policies.length === 0 ? 'no policy permits it' : decision.policies.join(', ')
  return [
    field('decision', visible(`${decision.outcome} by ${by} (revision ${decision.revision})`)),
    ...(decision.reason === undefined || decision.reason === '' || decision.reason === refusal?.reason ? [] : [field('', visible(decision.reason))]),
    ...(refusal === null ? [] : [field('refused', visible(`${refusal.reason} [${refusal.code}]`))]),
  ]
}

const approvalOf = ({ approval, resolutions }: ReplayEntry): string[] => {
  if (approval === null) return []
  return [
    field('approval', visible(`${approval.id}, ${approval.status}`)),
    ...resolutions.map(({ by, verdict, comment, at }) => field('', visible(`${verdict === 'deny' ? 'denied' : 'approved'} by ${by} at ${time(at)}${comment === '' ? '' : `: "${comment}"`}`))),
  ]
}

const endOf = ({ finish }: ReplayEntry): string[] => {
  if (finish === null) return []
  const facts = [
    elapsed(finish.durationUs / 1000),
    ...(finish.rows === undefined ? [] : [`${finish.rows} row${finish.rows === 1 ? '' : 's'}`]),
    `${finish.bytesOut} bytes to the client`,
    ...(finish.status === undefined ? [] : [visible(finish.status)]),
  ]
  const masked = Object.entries(finish.masked ?? {}).filter(([, count]) => count > 0)
  return [
    field('took', facts.join(', ')),
    ...(finish.error === undefined ? [] : [field('error', visible(`${finish.error.message} [${finish.error.code}]`))]),
    ...(masked.length === 0 ? [] : [field('masked', visible(masked.map(([rule, count]) => `${count} field${count === 1 ? '' : 's'} by ${rule}`).join(', ')))]),
  ]
}

export const renderFooter = (session: SessionView, commands: number): string =>
  `\n${RULE}\n${commands} command${commands === 1 ? '' : 's'}, ${session.lastSequence} events${session.status === 'open' ? ' so far' : ''}. Values are shown as they were delivered: masked.\n`

const time = (iso: string): string => `${iso.slice(0, 10)} ${iso.slice(11, 23).replace('Z', '')} UTC`

/** Milliseconds as a person says them. */
export const elapsed = (ms: number): string => {
  if (ms < 1) return `${Math.max(0, Math.round(ms * 1000))} µs`
  if (ms < 1000) return `${Number(ms.toPrecision(3))} ms`
  if (ms < 60_000) return `${Number((ms / 1000).toPrecision(3))} s`
  const seconds = Math.round(ms / 1000)
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)]
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${seconds % 60} s`
}
