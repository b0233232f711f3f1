import { answer, type Definition } from '../command.js'
import { table } from '../output/table.js'
import { list } from '../session/lists.js'
import { limitOf, limitOption, moreText } from './limit.js'

/** As GET /v1/retired-agents shows it. */
interface RetiredAgent { readonly name: string; readonly spec: { readonly issuer: string; readonly subject: string; readonly owner: string } }

const removed: Definition = {
  usage: 'removed',
  summary: 'list agents that were removed: nothing is done under their names',
  examples: ['agents removed', 'agents removed --json'],
  isDefault: true,
  options: [limitOption()],
  run: async ({ context, options }) => {
    const found = await context.waiting('listing removed agents', list<RetiredAgent>(context.api(), '/v1/retired-agents', {}, limitOf(options)))
    if (found.items.length === 0) return answer(found, 'No agents were removed.\n')
    return answer(found, table(['NAME', 'ISSUER', 'SUBJECT', 'OWNER'], found.items.map(({ name, spec }) => [name, spec.issuer, spec.subject, spec.owner])) + moreText(found))
  },
}

const forget: Definition = {
  usage: 'forget <name>',
  summary: 'forget a removed agent, for somebody who should not have been registered: he is what his tokens say again',
  details: 'A token of a removed agent opens nothing. Forgotten, its subject is an ordinary user with all that its groups permit: forget people, not programs that still have credentials.',
  examples: ['agents forget alice'],
  run: async ({ args, context }) => {
    await context.waiting('forgetting it', context.api().delete(`/v1/retired-agents/${encodeURIComponent(args[0]!)}`))
    return answer({ forgotten: args[0]! }, `${args[0]!} is forgotten: its subject is what its tokens say.\n`)
  },
}

export const agents: readonly Definition[] = [removed, forget]
