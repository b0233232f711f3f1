import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { approve, claim, getApproval, listApprovals, release, requestApproval, type ApprovalRequest } from '@sallyport/contracts/approval'
import { newId } from '@sallyport/contracts/ids'
import { at, type RpcError } from '@sallyport/contracts/rpc'
import { eventually, startCluster, type Cluster } from './cluster.js'
import { agent, bob, MINUTE_MS, requestOf } from './fixtures.js'

let cluster: Cluster
beforeAll(async () => {
  cluster = await startCluster()
  await Promise.all([cluster.start(), cluster.start()])
})
afterAll(() => cluster.stop())

const ask = (more: Partial<ApprovalRequest> = {}) => cluster.bus.call(at(requestApproval, more.proxy ?? 'px_1'), requestOf({ command: newId('cmd'), ...more }))
const codeOf = (work: Promise<unknown>): Promise<string> => work.then(() => 'done', (error: RpcError) => error.code)
const approvedBy = async (id: string) => cluster.bus.call(approve, { id, approver: bob, comment: '' })

describe('time', () => {
  test('closes what nobody approved: a late approval is refused, and both are recorded once', async () => {
    const late = await Promise.all(Array.from({ length: 10 }, () => ask()))
    cluster.forward(15 * MINUTE_MS)
    const codes = await Promise.all(late.map(({ id }) => codeOf(approvedBy(id))))
    expect(new Set(codes)).toEqual(new Set(['conflict']))
    for (const { id } of late) {
      expect((await cluster.bus.call(getApproval, { id })).status).toBe('expired')
      expect((await cluster.streamed(id)).map(({ type }) => type.split('.')[2])).toEqual(['requested', 'expired'])
    }
  })

  test('closes it also when nobody asks, and tells the proxy', async () => {
    const notices = cluster.notices('px_waits')
    const { id } = await ask({ proxy: 'px_waits' })
    cluster.forward(15 * MINUTE_MS)
    await eventually(() => notices.of(id).includes('expired'))
    expect(notices.of(id)).toEqual(['requested', 'expired'])
  })

  test('shows what is overdue as closed at once', async () => {
    const principal = agent('slow-agent', 'alice')
    const waiting = await ask({ principal })
    const parked = await ask({ principal, mode: 'park', digest: 'e'.repeat(64) })
    await approvedBy(parked.id)
    const idsOf = async (status: 'pending' | 'approved' | 'expired') => (await cluster.bus.call(listApprovals, { requester: 'slow-agent', status })).items.map(({ id }) => id)
    expect([await idsOf('pending'), await idsOf('approved'), await idsOf('expired')]).toEqual([[waiting.id], [parked.id], []])
    cluster.forward(15 * MINUTE_MS)
    expect([await idsOf('pending'), await idsOf('approved'), await idsOf('expired')]).toEqual([[], [], [parked.id, waiting.id]])
    expect((await cluster.bus.call(getApproval, { id: parked.id })).status).toBe('lapsed')
  })

  test('ends an approval that nothing ran under: of a held command soon, of a parked one when its wait is over', async () => {
    const held = await ask()
    const parked = await ask({ mode: 'park', digest: 'f'.repeat(64) })
    await Promise.all([approvedBy(held.id), approvedBy(parked.id)])
    cluster.forward(30_000)
    expect(await codeOf(cluster.bus.call(at(release, held.proxy), { id: held.id, digest: held.digest, command: held.command }))).toBe('conflict')
    expect((await cluster.bus.call(getApproval, { id: held.id })).status).toBe('lapsed')
    const retry = { digest: parked.digest, uid: 'coding-agent', command: 'cmd_late' }
    expect((await cluster.bus.call(getApproval, { id: parked.id })).status).toBe('approved')
    cluster.forward(15 * MINUTE_MS)
    expect((await cluster.bus.call(at(claim, 'px_1'), retry)).approval).toBeNull()
    expect((await cluster.bus.call(getApproval, { id: parked.id })).status).toBe('lapsed')
  })

  test('an open place that time has freed can be taken', async () => {
    const principal = agent('busy-agent', 'alice')
    const first = await Promise.all(Array.from({ length: 100 }, () => ask({ principal })))
    expect(await codeOf(ask({ principal }))).toBe('conflict')
    cluster.forward(15 * MINUTE_MS)
    expect(first.map(({ id }) => id)).not.toContain((await ask({ principal })).id)
  })
})
