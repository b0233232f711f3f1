// Realistic sessions, as a proxy publishes them: each request carries the end of the command before it.
import { encodeBatch, sequenceText, sessionSubject } from '@sallyport/contracts/events'
import { newId, newUuid } from '@sallyport/contracts/ids'
import { createHash } from 'node:crypto'

const tables = ['orders', 'customers', 'order_items', 'payments', 'shipments']

const finishOf = (command, number) => ({
  command, outcome: 'completed', durationUs: 180 + (number % 900), rows: 1, bytesOut: 92, masked: { 'customer-pii': 1 },
  digest: createHash('sha256').update(command).digest('hex'), status: 'SELECT 1',
  result: { columns: ['id', 'email', 'total'], rows: [[String(number), '******', '118.40']], truncated: false },
})

const eventOf = (session, sequence, type, subject, data) => JSON.stringify({
  specversion: '1.0', id: newUuid(), source: 'sallyport/connection-proxy/bench', type, subject, time: new Date().toISOString(), session, sequence: sequenceText(sequence), data,
})

const openedOf = (session) => eventOf(session, 1, 'sallyport.session.opened.v1', session, {
  principal: { kind: 'agent', issuer: 'development', subject: 'coding-agent', uid: 'coding-agent', groups: ['ai-agents'], owner: 'alice', chain: [{ kind: 'user', issuer: 'development', subject: 'alice', uid: 'alice', groups: ['engineers'] }] },
  connection: 'orders-prod', connectionRevision: 3, protocol: 'postgres', proxy: 'bench', sourceAddress: '127.0.0.1', target: { host: '127.0.0.1', port: 5432, database: 'orders' },
  client: { application_name: 'pgbench' }, tls: { client: false, target: false }, durability: 'stored', decision: { policies: ['agents-connect'], revision: 7 },
})

const requestedOf = (session, sequence, command, before, number) => {
  const table = tables[number % tables.length]
  return eventOf(session, sequence, 'sallyport.command.requested.v1', command, {
    command, action: 'sql.select', class: 'read',
    effects: [{ action: 'sql.select', class: 'read', facts: { tables: [`public.${table}`], hasWhere: true, columns: ['id', 'email', 'total'] } }],
    fingerprint: 'a0b1c2d3e4f50617', statement: `SELECT id, email, total FROM public.${table} WHERE customer_id = $1 AND created_at > now() - interval '30 days' ORDER BY id LIMIT 1`,
    statementBytes: 128, parameters: [String(number)], input: 'none', digest: createHash('sha256').update(`${command}${number}`).digest('hex'),
    decision: { outcome: 'allow', policies: ['agents-read'], revision: 7 },
    ...(before === undefined ? {} : { finished: [finishOf(before, number)] }),
  })
}

/** Yields `[subject, batch]` for `events` events of `sessions` sessions side by side, `perMessage` events a message. */
export const history = function * (events, sessions, perMessage) {
  const open = Array.from({ length: sessions }, () => ({ id: newId('ses'), sequence: 1, before: undefined }))
  let made = 0
  let gathered = open.map((session) => openedOf(session.id))
  made += gathered.length
  while (made < events) {
    while (gathered.length < perMessage && made < events) {
      const session = open[made % sessions]
      const command = newId('cmd')
      session.sequence += 1
      gathered.push(requestedOf(session.id, session.sequence, command, session.before, made))
      session.before = command
      made += 1
    }
    yield [sessionSubject('bench', 0), encodeBatch(gathered)]
    gathered = []
  }
  if (gathered.length > 0) yield [sessionSubject('bench', 0), encodeBatch(gathered)]
}
