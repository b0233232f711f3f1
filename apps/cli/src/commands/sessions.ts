import type { SessionView } from '@sallyport/contracts/audit'
import { Option } from 'commander'
import { answer, type Definition } from '../command.js'
import { table, time } from '../output/table.js'
import { list } from '../session/lists.js'
import { limitOf, limitOption, moreText } from './limit.js'

export const sessions: Definition = {
  usage: 'sessions',
  summary: 'list sessions, newest first: your own and those on your behalf; auditors and admins see all',
  examples: ['sessions', 'sessions --connection orders-prod --status open', 'sessions --uid coding-agent --json'],
  options: [
    new Option('--connection <name>', 'of this connection'),
    new Option('--status <status>', 'which ones').choices(['open', 'closed', 'refused', 'lost']),
    new Option('--uid <uid>', 'of this person or agent'),
    limitOption(),
  ],
  run: async ({ context, options }) => {
    const text = (name: string): string | undefined => options[name] as string | undefined
    const found = await context.waiting('listing sessions', list<SessionView>(context.api(), '/v1/sessions', { connection: text('connection'), status: text('status'), uid: text('uid') }, limitOf(options)))
    if (found.items.length === 0) return answer(found, 'There are no such sessions.\n')
    const rows = found.items.map((session) => [session.id, session.status, session.uid, session.onBehalfOf.join(', '), session.connection, time(session.openedAt), session.closedAt === null ? '' : time(session.closedAt), String(session.commands)])
    return answer(found, table(['ID', 'STATUS', 'WHO', 'FOR', 'CONNECTION', 'OPENED', 'CLOSED', 'COMMANDS'], rows) + moreText(found))
  },
}
