import { sequenceText } from '@sallyport/contracts/events'
import { newId, newUuid } from '@sallyport/contracts/ids'
import { sessionEventTypes } from '@sallyport/contracts/session'

const principal = { kind: 'agent', issuer: 'development', subject: 'coding-agent', uid: 'coding-agent', groups: ['ai-agents'], owner: 'alice', chain: [] }

/** The events of an open session with one masked query, as a proxy `px1` publishes them. */
export const recordedSession = (): { readonly id: string; readonly events: readonly string[] } => {
  const [id, command] = [newId('ses'), newId('cmd')]
  const statement = 'select email from customers'
  const data: readonly (readonly [string, object])[] = [
    [sessionEventTypes.opened, {
      principal, connection: 'orders', connectionRevision: 1, protocol: 'postgres', proxy: 'px1', sourceAddress: '127.0.0.1', target: { host: '10.0.0.5', port: 5432 },
      client: {}, tls: { client: false, target: false }, durability: 'stored', decision: { policies: ['agents-connect'], revision: 1 },
    }],
    [sessionEventTypes.requested, { command, action: 'sql.select', class: 'read', effects: [], fingerprint: 'f', statement, statementBytes: statement.length, input: 'none', digest: 'd', decision: { outcome: 'allow', policies: ['agents-read'], revision: 1 } }],
    [sessionEventTypes.completed, { command, outcome: 'completed', durationUs: 1800, rows: 1, bytesOut: 60, status: 'SELECT 1', masked: { pii: 1 }, result: { columns: ['email'], rows: [['‹masked›']], truncated: false } }],
  ]
  const events = data.map(([type, content], index) => JSON.stringify({
    specversion: '1.0', id: newUuid(), source: 'sallyport/px1', type, subject: id, session: id, time: new Date().toISOString(), sequence: sequenceText(index + 1), data: content,
  }))
  return { id, events }
}
