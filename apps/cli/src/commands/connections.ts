import { answer, type Definition } from '../command.js'
import { table } from '../output/table.js'
import { list } from '../session/lists.js'
import { limitOf, limitOption, moreText } from './limit.js'

/** As GET /v1/connections shows it; target and credentials only to admins and auditors. */
export interface ConnectionView {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly managedBy: string
  readonly spec: { readonly protocol: string; readonly target?: { readonly host: string; readonly port: number; readonly tls: string } }
}

const targetOf = ({ spec: { target } }: ConnectionView): string => (target === undefined ? '' : `${target.host}:${target.port} (tls ${target.tls})`)
const labelsOf = ({ labels }: ConnectionView): string => Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(', ')

export const connections: Definition = {
  usage: 'connections',
  summary: 'list the connections you may know of',
  examples: ['connections', 'connections --json'],
  options: [limitOption()],
  run: async ({ context, options }) => {
    const found = await context.waiting('listing connections', list<ConnectionView>(context.api(), '/v1/connections', {}, limitOf(options)))
    if (found.items.length === 0) return answer(found, 'There are no connections, or none that you may reach.\n')
    const shown = found.items.some(({ spec }) => spec.target !== undefined)
    const rows = found.items.map((connection) => [connection.name, connection.spec.protocol, labelsOf(connection), ...(shown ? [connection.managedBy, targetOf(connection)] : [])])
    return answer(found, table(['NAME', 'PROTOCOL', 'LABELS', ...(shown ? ['FROM', 'TARGET'] : [])], rows) + moreText(found))
  },
}
