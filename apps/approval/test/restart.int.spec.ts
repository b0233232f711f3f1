import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { approve, getApproval, release, requestApproval, type Approval, type ApprovalRequest } from '@sallyport/contracts/approval'
import { newId } from '@sallyport/contracts/ids'
import { at, type RpcError } from '@sallyport/contracts/rpc'
import { eventually, startCluster, type Cluster } from './cluster.js'
import { bob, carol, need, requestOf } from './fixtures.js'

let cluster: Cluster
beforeAll(async () => { cluster = await startCluster() })
afterAll(() => cluster.stop())

const ask = (more: Partial<ApprovalRequest> = {}) => cluster.bus.call(at(requestApproval, 'px_1'), requestOf({ command: newId('cmd'), ...more }))
const outcome = (work: Promise<Approval>): Promise<string> => work.then(({ status }) => status, (error: RpcError) => error.code)
const approveBy = (held: Approval, approver = bob) => cluster.bus.call(approve, { id: held.id, approver, comment: '' }, { timeoutMs: 2_000 })
const releaseOf = ({ id, digest, proxy, command }: Approval) => cluster.bus.call(at(release, proxy), { id, digest, command }, { timeoutMs: 2_000 })

describe('an instance', () => {
  test('that was stopped is replaced by one that knows everything', async () => {
    const running = await cluster.start()
    const held = await ask({ needs: [need('dba', 2)] })
    const half = await approveBy(held)
    await running.stop()
    expect(await outcome(approveBy(held, carol))).toBe('unavailable')
    await cluster.start()
    expect(await cluster.bus.call(getApproval, { id: held.id })).toEqual(half)
    expect(await outcome(approveBy(held, carol))).toBe('approved')
    expect(await outcome(releaseOf(held))).toBe('released')
  })

  test('that is killed in the middle of its work leaves nothing half done: what was answered stays, and nothing runs twice', async () => {
    const instance = await cluster.spawn()
    const waiting = await Promise.all(Array.from({ length: 30 }, () => ask()))
    const approvals = waiting.map((held) => outcome(approveBy(held)))
    const releases = waiting.flatMap((held) => [releaseOf(held), releaseOf(held)]).map(outcome)
    await approvals[0]
    await instance.kill()
    const [approved, released] = await Promise.all([Promise.all(approvals), Promise.all(releases)])
    for (const [index, held] of waiting.entries()) {
      const { status } = await cluster.bus.call(getApproval, { id: held.id })
      if (approved[index] === 'approved') expect(['approved', 'released']).toContain(status)
      if (released.slice(index * 2, index * 2 + 2).includes('released')) expect(status).toBe('released')
      await outcome(approveBy(held))
      await outcome(releaseOf(held))
      expect((await cluster.bus.call(getApproval, { id: held.id })).status).toBe('released')
      expect((await cluster.streamed(held.id)).map(({ type }) => type.split('.')[2])).toEqual(['requested', 'resolution-recorded', 'approved', 'released'])
    }
  })
})

test('an instance that was stopped leaves no connection to the database behind', async () => {
  const alone = await startCluster()
  const open = async (): Promise<number> => {
    const { rows } = await alone.sql.query<{ n: number }>('select count(*)::int as n from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()')
    return rows[0]!.n
  }
  const instance = await alone.start()
  expect(await open()).toBeGreaterThan(0)
  await instance.stop()
  await eventually(async () => (await open()) === 0)
  await alone.stop()
})
