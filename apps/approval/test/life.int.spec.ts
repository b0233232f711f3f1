import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { approve, claim, deny, executed, getApproval, listApprovals, release, requestApproval, withdraw, type Approval, type ApprovalRequest } from '@sallyport/contracts/approval'
import { newId } from '@sallyport/contracts/ids'
import { at, type Rpc, type RpcError } from '@sallyport/contracts/rpc'
import { eventually, startCluster, type Cluster } from './cluster.js'
import { agent, bob, carol, MINUTE_MS, need, person, requestOf } from './fixtures.js'

let cluster: Cluster
let httpUrl: string
beforeAll(async () => {
  cluster = await startCluster()
  httpUrl = (await cluster.start()).httpUrl
})
afterAll(() => cluster.stop())

const fresh = (more: Partial<ApprovalRequest> = {}): ApprovalRequest => requestOf({ command: newId('cmd'), session: newId('ses'), ...more })
const ask = (more: Partial<ApprovalRequest> = {}): Promise<Approval> => cluster.bus.call(at(requestApproval, 'px_1'), fresh(more))
const by = (id: string, approver = bob, comment = 'fine') => ({ id, approver, comment })
const releaseOf = ({ id, digest, proxy, command }: Approval) => cluster.bus.call(at(release, proxy), { id, digest, command })
const codeOf = (work: Promise<unknown>): Promise<string> => work.then(() => 'done', (error: RpcError) => error.code)

describe('an approval over the bus', () => {
  test('goes from its request to the command\'s end; the proxy is told, and the log gets every step', async () => {
    const notices = cluster.notices('px_1')
    const held = await ask()
    expect(held).toMatchObject({ status: 'requested', version: 1, resolutions: [], summary: 'delete from orders where id = 7' })
    expect(Date.parse(held.expiresAt) - Date.parse(held.requestedAt)).toBe(15 * MINUTE_MS)
    const approved = await cluster.bus.call(approve, by(held.id, bob, 'ticket 42'))
    expect(approved).toMatchObject({ status: 'approved', resolutions: [{ by: 'bob', verdict: 'approve', comment: 'ticket 42', groups: ['dba'] }] })
    expect(await releaseOf(held)).toMatchObject({ status: 'released' })
    expect(await codeOf(releaseOf(held))).toBe('conflict')
    const done = await cluster.bus.call(at(executed, 'px_1'), { id: held.id, outcome: 'completed' })
    expect(done).toMatchObject({ status: 'executed', version: 5 })
    expect(await cluster.bus.call(getApproval, { id: held.id })).toEqual(done)

    await eventually(() => notices.of(held.id).length === 4)
    expect(notices.of(held.id)).toEqual(['requested', 'approved', 'released', 'executed'])
    const events = await cluster.streamed(held.id)
    expect(events.map(({ type, sequence }) => [Number(sequence), type.split('.')[2]])).toEqual([[1, 'requested'], [2, 'resolution-recorded'], [3, 'approved'], [4, 'released'], [5, 'executed']])
    for (const { data } of events) expect(data).toMatchObject({ approval: held.id, session: held.session, command: held.command, uid: 'coding-agent', connection: 'orders-prod', action: 'sql.delete' })
    expect(events.map(({ data }) => data['actor'])).toEqual(['coding-agent', 'bob', 'bob', 'px_1', 'px_1'])
  })

  test('is its proxy\'s alone: no other asks in its name, reads, withdraws, releases or ends it', async () => {
    const held = await ask()
    const other = <R extends Rpc>(contract: R) => at(contract, 'px_2')
    expect(await codeOf(cluster.bus.call(other(requestApproval), fresh()))).toBe('forbidden')
    expect(await codeOf(cluster.bus.call(other(getApproval), { id: held.id }))).toBe('not-found')
    expect(await codeOf(cluster.bus.call(other(withdraw), { id: held.id, reason: 'gone' }))).toBe('forbidden')
    await cluster.bus.call(approve, by(held.id))
    expect(await codeOf(cluster.bus.call(other(withdraw), { id: held.id, reason: 'gone' }))).toBe('forbidden')
    expect(await codeOf(cluster.bus.call(other(release), { id: held.id, digest: held.digest, command: held.command }))).toBe('conflict')
    expect(await releaseOf(held)).toMatchObject({ status: 'released' })
    expect(await codeOf(cluster.bus.call(other(executed), { id: held.id, outcome: 'completed' }))).toBe('forbidden')
    expect(await cluster.bus.call(at(getApproval, 'px_1'), { id: held.id })).toMatchObject({ status: 'released' })
    expect(await codeOf(cluster.bus.call(withdraw, { id: held.id, reason: 'gone' }))).toBe('unavailable')
  })

  test('asked for several times at once by the same command is one', async () => {
    const request = fresh()
    const answers = await Promise.all(Array.from({ length: 12 }, () => cluster.bus.call(at(requestApproval, 'px_1'), request)))
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1)
    expect(await cluster.streamed(answers[0]!.id)).toHaveLength(1)
    expect(await codeOf(cluster.bus.call(at(requestApproval, 'px_1'), { ...request, digest: 'c'.repeat(64) }))).toBe('conflict')
    expect(await codeOf(cluster.bus.call(at(requestApproval, 'px_1'), { ...request, principal: agent('ci-agent', 'alice') }))).toBe('conflict')
  })

  test('refuses whoever may not decide, and what comes too late', async () => {
    const held = await ask()
    expect(await codeOf(cluster.bus.call(approve, by(held.id, person('alice', 'dba'))))).toBe('forbidden')
    expect(await codeOf(cluster.bus.call(deny, by(held.id, agent('coding-agent', 'alice', 'dba'))))).toBe('forbidden')
    expect(await codeOf(cluster.bus.call(deny, by(held.id, bob, '')))).toBe('invalid')
    expect(await cluster.bus.call(deny, by(held.id, carol, 'no'))).toMatchObject({ status: 'denied', resolutions: [{ by: 'carol', verdict: 'deny', comment: 'no' }] })
    expect(await codeOf(cluster.bus.call(approve, by(held.id)))).toBe('conflict')
    expect(await codeOf(releaseOf(held))).toBe('conflict')
    expect(await codeOf(cluster.bus.call(at(withdraw, 'px_1'), { id: held.id, reason: 'gone' }))).toBe('conflict')
    expect(await codeOf(cluster.bus.call(getApproval, { id: 'ap_none' }))).toBe('not-found')
    expect(await codeOf(cluster.bus.call(approve, by('ap_none')))).toBe('not-found')
  })

  test('of a parked command is found again by its digest and principal, while it asks the same people', async () => {
    const digest = 'd'.repeat(64)
    const parked = await ask({ mode: 'park', digest })
    expect((await ask({ mode: 'park', digest })).id).toBe(parked.id)
    expect((await ask({ mode: 'park', digest, principal: agent('ci-agent', 'alice') })).id).not.toBe(parked.id)
    const stricter = await ask({ mode: 'park', digest, needs: [need('dba', 2)] })
    expect(stricter.id).not.toBe(parked.id)
    expect((await cluster.bus.call(getApproval, { id: parked.id })).status).toBe('withdrawn')
    await cluster.bus.call(approve, by(stricter.id, bob))
    expect((await cluster.bus.call(at(claim, 'px_2'), { digest, uid: 'coding-agent', command: 'cmd_retry' })).approval).toBeNull()
    await cluster.bus.call(approve, by(stricter.id, carol))
    expect((await ask({ mode: 'park', digest, needs: [need('dba', 2)] }))).toMatchObject({ id: stricter.id, status: 'approved' })
    expect((await cluster.bus.call(at(claim, 'px_2'), { digest, uid: 'bob', command: 'cmd_retry' })).approval).toBeNull()
    expect((await cluster.bus.call(at(claim, 'px_2'), { digest, uid: 'coding-agent', command: 'cmd_retry' })).approval).toMatchObject({ id: stricter.id, status: 'released' })
    expect((await ask({ mode: 'park', digest, needs: [need('dba', 2)] })).id).not.toBe(stricter.id)
  })

  test('keeps what people write, whatever they write', async () => {
    const held = await ask({ summary: 'printf \'\u0000\' \ud83d' })
    expect(await cluster.bus.call(approve, by(held.id, bob, 'ok \u0000 \ud83d\ude00'))).toMatchObject({ summary: 'printf \'\ufffd\' \ufffd', resolutions: [{ comment: 'ok \ufffd \ud83d\ude00' }] })
  })

  test('of one principal can wait a hundred times, not more', async () => {
    const principal = agent('busy-agent', 'alice')
    await Promise.all(Array.from({ length: 99 }, () => ask({ principal })))
    const codes = await Promise.all(Array.from({ length: 4 }, () => codeOf(ask({ principal }))))
    expect(codes.sort()).toEqual(['conflict', 'conflict', 'conflict', 'done'])
    expect(await codeOf(ask({ principal: agent('calm-agent', 'alice') }))).toBe('done')
  })
})

describe('metrics', () => {
  test('count what is open and how it was decided', async () => {
    const value = async (name: string, label: string): Promise<number> => {
      const text = await (await fetch(`${httpUrl}/metrics`)).text()
      return Number(text.split('\n').find((line) => line.startsWith(`sallyport_approval_${name}{`) && line.includes(label))?.split(' ').at(-1) ?? 0)
    }
    const values = () => Promise.all([value('open', 'status="requested"'), value('decisions_total', 'verdict="denied"'), value('wait_seconds_count', 'verdict="denied"')])
    const before = await values()
    const [held] = await Promise.all([ask(), ask()])
    await cluster.bus.call(deny, by(held.id, carol, 'no'))
    expect(await values()).toEqual(before.map((count) => count + 1))
  })
})

describe('lists', () => {
  test('are cut into pages, newest first, by status, requester and group', async () => {
    const principal = { ...agent('list-agent', 'lisa'), chain: [person('lou', 'engineers')] }
    const made: string[] = []
    for (let index = 0; index < 7; index += 1) made.push((await ask({ principal, needs: [need(index % 2 === 0 ? 'list-even' : 'list-odd')] })).id)
    await cluster.bus.call(deny, by(made[0]!, person('eve', 'list-even'), 'no'))
    await cluster.bus.call(approve, by(made[1]!, person('odo', 'list-odd'), 'yes'))
    await cluster.bus.call(at(withdraw, 'px_1'), { id: made[2]!, reason: 'gone' })
    const pages = async (query: object): Promise<string[]> => {
      const ids: string[] = []
      let cursor: string | undefined
      do {
        const page = await cluster.bus.call(listApprovals, { ...query, limit: 2, ...(cursor === undefined ? {} : { cursor }) })
        expect(page.items.length).toBeLessThanOrEqual(2)
        ids.push(...page.items.map(({ id }) => made.indexOf(id).toString()))
        cursor = page.next ?? undefined
      } while (cursor !== undefined)
      return ids
    }
    expect(await pages({ requester: 'list-agent' })).toEqual(['6', '5', '4', '3', '2', '1', '0'])
    expect(await pages({ requester: 'lisa', status: 'pending' })).toEqual(['6', '5', '4', '3'])
    expect(await pages({ requester: 'lou', status: 'pending', groups: ['list-odd', 'nobody'] })).toEqual(['5', '3'])
    expect(await pages({ groups: ['list-even'] })).toEqual(['6', '4', '2', '0'])
    expect(await pages({ requester: 'lou', status: 'denied' })).toEqual(['0'])
    expect(await pages({ requester: 'lou', status: 'approved' })).toEqual(['1'])
    expect(await pages({ requester: 'lou', status: 'withdrawn' })).toEqual(['2'])
    expect(await pages({ requester: 'eve' })).toEqual([])
    expect(await codeOf(cluster.bus.call(listApprovals, { cursor: 'no cursor' }))).toBe('invalid')
  })
})
