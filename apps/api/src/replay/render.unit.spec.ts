import { expect, test } from '@jest/globals'
import type { SessionView } from '@sallyport/contracts/audit'
import { elapsed, renderEntry, renderFooter, renderHeader, type ReplayEntry } from './render.js'
import { renderTable } from './table.js'

const session: SessionView = {
  id: 'ses_1', connection: 'orders-prod', protocol: 'tidy', proxy: 'px_1', uid: 'coding-agent', onBehalfOf: ['alice'], sourceAddress: '127.0.0.1',
  status: 'closed', openedAt: '2026-11-22T10:00:00.000Z', closedAt: '2026-11-22T10:02:05.000Z', reason: 'the client ended it', commands: 2, lastSequence: 9,
}
const read: ReplayEntry = {
  id: 'cmd_1', session: 'ses_1', sequence: 2, connection: 'orders-prod', uid: 'coding-agent', action: 'sql.select', class: 'read',
  statement: 'SELECT name, email\nFROM customers WHERE id = $1', statementBytes: 48, parameters: ['7'], requestedAt: '2026-11-22T10:00:01.500Z',
  decision: { outcome: 'allow', policies: ['agents-read'], revision: 4 }, approval: null, status: 'completed', refusal: null, resolutions: [],
  finish: { command: 'cmd_1', outcome: 'completed', durationUs: 2340, rows: 1, bytesOut: 61, masked: { 'customer-pii': 1 }, status: 'SELECT 1', result: { columns: ['name', 'email'], rows: [['Ada', null]], truncated: false } },
}
const write: ReplayEntry = {
  ...read, id: 'cmd_2', action: 'sql.delete', class: 'write', statement: 'DELETE FROM orders WHERE id = 7', parameters: null, requestedAt: '2026-11-22T10:01:00.000Z',
  decision: { outcome: 'hold', policies: ['writes-need-a-dba'], reason: 'Writes need a DBA.', revision: 4 }, approval: { id: 'ap_1', status: 'denied', by: [] }, status: 'refused',
  refusal: { code: 'approval-denied', reason: 'carol denied it' }, finish: null, resolutions: [{ by: 'carol', verdict: 'deny', comment: 'Never.', at: '2026-11-22T10:01:09.250Z' }],
}

test('a session reads like a report', () => {
  const text = renderHeader(session, { kind: 'agent', owner: 'alice', groups: ['ai-agents'], issuer: 'development' }) + renderEntry(read, 1, session) + renderEntry(write, 2, session) + renderFooter(session, 2)
  expect(text).toBe(`SESSION ses_1
────────────────────────────────────────────────────────────────────────────────
who         coding-agent (agent; answered for by alice; in ai-agents; known by development)
for         alice
from        127.0.0.1
connection  orders-prod (tidy, through px_1)
opened      2026-11-22 10:00:00.000 UTC
ended       2026-11-22 10:02:05.000 UTC, after 2 min 5 s
status      closed: the client ended it
commands    2
────────────────────────────────────────────────────────────────────────────────

#1    ✓  COMPLETED  sql.select
      2026-11-22 10:00:01.500 UTC  (+1.5 s)  cmd_1

      │ SELECT name, email
      │ FROM customers WHERE id = $1
      │ $1 = 7

      decision    allow by agents-read (revision 4)
      took        2.34 ms, 1 row, 61 bytes to the client, SELECT 1
      masked      1 field by customer-pii

      name  email
      ────  ─────
      Ada   NULL

#2    ✗  REFUSED  sql.delete
      2026-11-22 10:01:00.000 UTC  (+1 min 0 s)  cmd_2

      │ DELETE FROM orders WHERE id = 7

      decision    hold by writes-need-a-dba (revision 4)
                  Writes need a DBA.
      refused     carol denied it [approval-denied]
      approval    ap_1, denied
                  denied by carol at 2026-11-22 10:01:09.250 UTC: "Never."

────────────────────────────────────────────────────────────────────────────────
2 commands, 9 events. Values are shown as they were delivered: masked.
`)
})

test('what a client sent can\'t move the investigator\'s cursor or reorder his text', () => {
  const text = renderEntry({ ...read, statement: 'SELECT \u001b[2J\u202e1', parameters: ['\u0007'] }, 1, session)
  expect(text).toContain('│ SELECT \\x1b[2J\\u{202e}1')
  expect(text).toContain('$1 = \\x07')
  // eslint-disable-next-line no-control-regex -- that they are gone is what is tested
  expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202e]/)
})

test('a table is cut to what can be read, and says so', () => {
  const rows = Array.from({ length: 12 }, (_, index) => Array.from({ length: 9 }, () => `${index}`.repeat(40)))
  const lines = renderTable({ columns: Array.from({ length: 9 }, (_, index) => `c${index}`), rows, truncated: true }, 50)
  expect(lines).toHaveLength(13)
  expect(lines.at(-1)).toBe('(6 more columns, 40 more rows, not all of them were recorded)')
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100)
  expect(renderTable({ columns: ['名'], rows: [['日本'], ['a']], truncated: false }, 2)).toEqual(['名', '────', '日本', 'a'])
})

test('times are said as people say them', () => {
  expect([0.25, 4.567, 999.9, 1500, 61_000, 3_700_000].map(elapsed)).toEqual(['250 µs', '4.57 ms', '1000 ms', '1.5 s', '1 min 1 s', '1 h 1 min'])
})
