import { afterAll, beforeAll, expect, it } from '@jest/globals'
import pg from 'pg'
import { newPlan } from '../src/admission/admit.js'
import { newSession } from '../src/admission/session-state.js'
import { commit } from '../src/ledger/commitment.js'
import { takeOver } from '../src/ledger/load-state.js'
import { FencedError, storeStatement, writePlan, type Tip } from '../src/ledger/write-plan.js'
import type { Incoming } from '../src/intake/event.js'
import { startPlatform, type Platform } from './fixtures.js'

let platform: Platform
let pool: pg.Pool
let tip: Tip
beforeAll(async () => {
  platform = await startPlatform()
  await platform.startStore()
  await platform.stopStores()
  pool = new pg.Pool({ connectionString: platform.databaseUrl, options: '-c search_path=audit_store', types: { getTypeParser: (oid: number, format?: string) => (oid === 20 ? Number : pg.types.getTypeParser(oid, format as 'text')) } as pg.CustomTypesConfig })
  tip = await takeOver(pool)
})
afterAll(async () => {
  await pool.end()
  await platform.stop()
})

const planOf = (count: number) => {
  const plan = newPlan()
  for (let index = 0; index < count; index += 1) {
    const session = `ses_${count}-${index}`
    const state = newSession(session, 'px1', 0)
    state.head = 7
    state.lostAt = index === 0 ? 8 : null
    state.ended = index % 2 === 1
    plan.touched.add(state)
    const event: Incoming = {
      origin: { kind: 'proxy', proxy: 'px1' }, id: `0190a000-0000-7000-8000-${String(count * 100 + index).padStart(12, '0')}`, type: 'sallyport.command.requested.v1', source: 'px', subject: `cmd_${index}`,
      time: 1_700_000_000_123 + index, session, sequence: 7, data: {}, body: Buffer.from(`{"n":${index},"text":"\\u0000 ä"}`),
    }
    plan.accepted.push(event)
  }
  return plan
}

it.each([1, 2, 8, 9])('%i events of as many sessions are stored with their heads, whichever statement they take', async (count) => {
  const plan = planOf(count)
  const statement = storeStatement(plan)
  expect(statement.name).toBe(count <= 8 ? `store-${count}` : 'store')
  await writePlan(pool, { plan, statement, tip, streamSequence: tip.streamSequence + 1 })
  const { rows } = await pool.query(
    `select e.position, e.id, e.type, e.session, e.sequence, e.subject, e.source, e.time, e.commitment, e.stored_at > now() - interval '1 minute' as now, p.salt, p.body, h.proxy, h.sequence as head, h.lost_at, h.ended
     from events e join payloads p using (position) join session_heads h on h.session = e.session where e.position > $1 order by e.position`, [tip.position])
  expect(rows.map(({ salt, commitment, ...row }: { salt: Buffer; commitment: Buffer; body: Buffer }) => ({ ...row, proven: commit(salt, row.body).equals(commitment) }))).toEqual(plan.accepted.map((event, index) => ({
    position: tip.position + 1 + index, id: event.id, type: event.type, session: event.session, sequence: 7, subject: event.subject, source: 'px', time: new Date(event.time), now: true,
    body: event.body, proxy: 'px1', head: 7, lost_at: index === 0 ? 8 : null, ended: index % 2 === 1, proven: true,
  })))
  tip = { ...tip, position: tip.position + count, streamSequence: tip.streamSequence + 1 }
})

it.each([1, 9])('an old idea of where the log ends stores none of %i events', async (count) => {
  const plan = planOf(count)
  const before = await platform.count('events')
  await expect(writePlan(pool, { plan, statement: storeStatement(plan), tip: { ...tip, position: tip.position - 1 }, streamSequence: 99 })).rejects.toBeInstanceOf(FencedError)
  expect(await platform.count('events')).toBe(before)
})

it('two events of one session need the statement that takes a head only once', () => {
  const plan = planOf(1)
  const [event] = plan.accepted
  plan.accepted.push({ ...event!, sequence: 8 })
  expect(storeStatement(plan).name).toBe('store')
})
