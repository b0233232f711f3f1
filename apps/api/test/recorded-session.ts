import { sequenceText } from '@sallyport/contracts/events'
import { newId, newUuid } from '@sallyport/contracts/ids'
import { sessionEventTypes } from '@sallyport/contracts/session'

const alice = { kind: 'user', issuer: 'development', subject: 'alice', uid: 'alice', groups: ['engineers'] }
const agent = { kind: 'agent', issuer: 'development', subject: 'coding-agent', uid: 'coding-agent', groups: ['ai-agents'], owner: 'alice', chain: [alice] }

/** The events of a session as a proxy `px1` publishes them: one query with masked rows, one refusal. */
export const recordedSession = (): { readonly id: string; readonly events: readonly string[] } => {
  const id = newId('ses')
  const events: string[] = []
  const add = (type: string, data: object): void => void events.push(JSON.stringify({
    specversion: '1.0', id: newUuid(), source: 'sallyport/px1', type, subject: id, session: id, time: new Date().toISOString(), sequence: sequenceText(events.length + 1), data,
  }))
  const request = (statement: string, outcome: 'allow' | 'deny', policy: string): string => {
    const command = newId('cmd')
    add(sessionEventTypes.requested, { command, action: 'sql.select', class: 'read', effects: [], fingerprint: 'f', statement, statementBytes: statement.length, input: 'none', digest: 'd', decision: { outcome, policies: [policy], revision: 1 } })
    return command
  }
  add(sessionEventTypes.opened, {
    principal: agent, connection: 'orders-prod', connectionRevision: 1, protocol: 'postgres', proxy: 'px1', sourceAddress: '127.0.0.1', target: { host: '10.0.0.5', port: 5432 },
    client: {}, tls: { client: false, target: false }, durability: 'stored', decision: { policies: ['agents-connect'], revision: 1 },
  })
  const read = request('select id, email from customers', 'allow', 'agents-read')
  add(sessionEventTypes.completed, { command: read, outcome: 'completed', durationUs: 1800, rows: 1, bytesOut: 60, status: 'SELECT 1', masked: { pii: 1 }, result: { columns: ['id', 'email'], rows: [['1', '‹masked›']], truncated: false } })
  const refused = request('drop table orders', 'deny', 'no-schema-changes')
  add(sessionEventTypes.commandRefused, { command: refused, code: 'denied', reason: 'Schema changes go through migrations.', policies: ['no-schema-changes'] })
  return { id, events }
}
