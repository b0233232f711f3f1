import type { Approval } from '@sallyport/contracts/approval'
import { Option } from 'commander'
import { answer, type Definition } from '../command.js'
import { CliError, exitStatus } from '../errors.js'
import { fields, table, time } from '../output/table.js'
import { visibleLines } from '../output/visible.js'
import { list } from '../session/lists.js'
import { limitOf, limitOption, moreText } from './limit.js'

const statuses = ['pending', 'approved', 'denied', 'expired', 'withdrawn']

/** Answer of GET /v1/approvals/{id}/exact. */
interface Exact {
  readonly text: string
  readonly parameters: readonly (string | null)[]
  readonly digest: string
}

const pathOf = (id: string, more = ''): string => `/v1/approvals/${encodeURIComponent(id)}${more}`
const neededOf = ({ needs }: Approval): string => needs.map(({ group, count }) => `${count} of ${group}`).join(', ')
const indented = (text: string): string => visibleLines(text).split('\n').map((line) => `  ${line}\n`).join('')

const listed: Definition = {
  usage: 'list',
  summary: 'list approvals: what you asked for, and what you may decide about',
  examples: ['approvals', 'approvals list --status denied', 'approvals --json'],
  isDefault: true,
  options: [new Option('--status <status>', 'which ones').choices([...statuses, 'all']).default('pending'), limitOption()],
  run: async ({ context, options }) => {
    const status = options['status'] as string
    const found = await context.waiting('listing approvals', list<Approval>(context.api(), '/v1/approvals', { status: status === 'all' ? undefined : status }, limitOf(options)))
    if (found.items.length === 0) return answer(found, status === 'all' ? 'There are no approvals that concern you.\n' : `No approvals that concern you are ${status}.\n`)
    const rows = found.items.map((approval) => [approval.id, approval.status, approval.principal.uid, approval.connection, approval.action, neededOf(approval), time(approval.expiresAt), approval.summary])
    return answer(found, table(['ID', 'STATUS', 'WHO', 'CONNECTION', 'ACTION', 'NEEDS', 'UNTIL', 'SUMMARY'], rows) + moreText(found))
  },
}

const detailsOf = (approval: Approval): string => fields([
  ['approval', `${approval.id}, ${approval.status}`],
  ['who', `${approval.principal.uid} (${approval.principal.kind})`],
  ['owner', approval.principal.owner],
  ['acting for', approval.principal.chain.length === 0 ? undefined : approval.principal.chain.map(({ uid }) => uid).join(', for ')],
  ['connection', approval.connection],
  ['action', approval.action],
  ['needs', `${neededOf(approval)} (policy ${[...new Set(approval.needs.map(({ policy }) => policy))].join(', ')})`],
  ['mode', approval.mode === 'hold' ? 'the command waits' : 'the command was refused and may be sent again once approved'],
  ['asked', time(approval.requestedAt)],
  ['until', time(approval.expiresAt)],
  ['command', approval.command],
  ['session', approval.session],
  ...approval.resolutions.map(({ by, verdict, comment, at }) => [verdict === 'deny' ? 'denied' : 'approved', `by ${by} at ${time(at)}${comment === '' ? '' : `: ${comment}`}`] as const),
])

const exactText = ({ text, parameters }: Exact): string =>
  `\nExactly this will run:\n\n${indented(text)}${parameters.map((value, index) => `  $${index + 1} = ${value === null ? 'NULL' : visibleLines(value)}\n`).join('')}`

const show: Definition = {
  usage: 'show <id>',
  summary: 'show one approval, with the exact text for whoever can decide about it',
  details: 'The exact text comes from the proxy that holds the command and is stored nowhere. Others see the masked summary.',
  examples: ['approvals show ap_01jd…'],
  run: async ({ args, context }) => {
    const api = context.api()
    const approval = await context.waiting('reading the approval', api.get<Approval>(pathOf(args[0]!)))
    if (approval.status !== 'requested') return answer({ ...approval, exact: null }, `${detailsOf(approval)}\nWhat was asked for, masked:\n\n${indented(approval.summary)}`)
    try {
      const exact = await context.waiting('fetching the exact text', api.get<Exact>(pathOf(approval.id, '/exact')))
      return answer({ ...approval, exact: { text: exact.text, parameters: exact.parameters } }, detailsOf(approval) + exactText(exact))
    } catch (error) {
      if (!(error instanceof CliError) || error.status === exitStatus.unavailable) throw error
      return answer({ ...approval, exact: null, exactRefused: error.message }, `${detailsOf(approval)}\nWhat is asked for, masked:\n\n${indented(approval.summary)}\n${visibleLines(error.message)}\n`)
    }
  },
}

const verdict = (verb: 'approve' | 'deny'): Definition => ({
  usage: `${verb} <id>`,
  summary: verb === 'approve' ? 'approve a command: it runs, as it was asked for, once everybody needed has agreed' : 'deny a command; whoever asked sees the comment',
  examples: verb === 'approve' ? ['approvals approve ap_01jd…', 'approvals approve ap_01jd… --comment "ticket 4711"'] : ['approvals deny ap_01jd… --comment "use the migration"'],
  options: [verb === 'approve' ? new Option('--comment <text>', 'why; it is recorded').default('') : new Option('--comment <text>', 'why; it is recorded and shown to whoever asked').makeOptionMandatory()],
  run: async ({ args, context, options }) => {
    const approval = await context.waiting('recording it', context.api().post<Approval>(pathOf(args[0]!, `/${verb}`), { comment: options['comment'] }))
    const more = approval.status === 'requested' ? `: your approval is recorded, and it needs ${neededOf(approval)}` : ''
    return answer(approval, `${approval.id} is ${approval.status}${more}.\n`)
  },
})

export const approvals: readonly Definition[] = [listed, show, verdict('approve'), verdict('deny')]
