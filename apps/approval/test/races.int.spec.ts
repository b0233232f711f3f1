import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { approve, claim, deny, getApproval, listApprovals, release, requestApproval, withdraw, type Approval, type ApprovalRequest } from '@sallyport/contracts/approval'
import { newId } from '@sallyport/contracts/ids'
import { at, type RpcError } from '@sallyport/contracts/rpc'
import { openDatabase, type Database } from '@sallyport/persistence'
import pg from 'pg'
import { databaseClock } from '../src/clock.js'
import { rebuildProjection } from '../src/projection.js'
import { decideRelease } from '../src/release/decide.js'
import { ApprovalStore } from '../src/store.js'
import { migrations, type Tables } from '../src/tables.js'
import { startCluster, type Cluster } from './cluster.js'
import { bob, carol, need, requestOf } from './fixtures.js'

let cluster: Cluster
let database: Database<Tables>
beforeAll(async () => {
  cluster = await startCluster()
  await Promise.all([cluster.start(), cluster.start()])
  database = await openDatabase<Tables>({ url: cluster.env['SALLYPORT_DATABASE_URL']!, schema: 'approval', migrations, poolSize: 4 })
})
afterAll(async () => {
  await database.close()
  await cluster.stop()
})

const ask = (more: Partial<ApprovalRequest> = {}) => cluster.bus.call(at(requestApproval, 'px_1'), requestOf({ command: newId('cmd'), ...more }))
const outcome = (work: Promise<Approval>): Promise<string> => work.then(({ status }) => status, (error: RpcError) => error.code)
const releaseOf = ({ id, digest, proxy, command }: Approval) => cluster.bus.call(at(release, proxy), { id, digest, command })
const typesOf = async (id: string): Promise<string[]> =>
  (await database.kysely.selectFrom('aggregate_events').select('type').where('id', '=', id).orderBy('version').execute()).map(({ type }) => type.split('.')[2]!)

describe('two instances', () => {
  test('agree on who was first when approval, denial, withdrawal and releases come at once', async () => {
    const seen = new Set<string>()
    for (let round = 0; round < 15; round += 1) {
      const held = await ask()
      const moves: (() => Promise<string>)[] = [
        () => outcome(cluster.bus.call(approve, { id: held.id, approver: bob, comment: '' })),
        () => outcome(releaseOf(held)), () => outcome(releaseOf(held)), () => outcome(releaseOf(held)),
        ...(round % 3 === 0 ? [] : [() => outcome(cluster.bus.call(deny, { id: held.id, approver: carol, comment: 'no' }))]),
        ...(round % 3 === 1 ? [() => outcome(cluster.bus.call(at(withdraw, 'px_1'), { id: held.id, reason: 'gone' }))] : []),
      ]
      const rotated = [...moves.slice(round % moves.length), ...moves.slice(0, round % moves.length)]
      const outcomes = await Promise.all(rotated.map((move) => move()))
      const late = await outcome(releaseOf(held))
      const released = [...outcomes, late].filter((status) => status === 'released').length
      const { status } = await cluster.bus.call(getApproval, { id: held.id })
      const types = await typesOf(held.id)
      expect(types.filter((type) => type === 'released')).toHaveLength(released)
      expect(released).toBe(status === 'released' ? 1 : 0)
      expect(types.filter((type) => ['denied', 'withdrawn', 'released'].includes(type))).toEqual([status])
      seen.add(status)
    }
    expect(seen.size).toBeGreaterThan(1)
  })

  test('let one of twenty retries have a parked command\'s approval', async () => {
    const digest = '1'.repeat(64)
    const parked = await ask({ mode: 'park', digest })
    await cluster.bus.call(approve, { id: parked.id, approver: bob, comment: '' })
    const claims = await Promise.all(Array.from({ length: 20 }, (_, index) => cluster.bus.call(at(claim, `px_${index % 3}`), { digest, uid: 'coding-agent', command: `cmd_retry${index}` })))
    const winners = claims.filter(({ approval }) => approval !== null)
    expect(winners.map(({ approval }) => approval!.id)).toEqual([parked.id])
    expect(await typesOf(parked.id)).toEqual(['requested', 'resolution-recorded', 'approved', 'released'])
  })

  test('count two people who approve at once as two, and one who approves twice at once as one', async () => {
    const both = await ask({ needs: [need('dba', 2)] })
    await Promise.all([bob, carol].map((approver) => cluster.bus.call(approve, { id: both.id, approver, comment: '' })))
    expect((await cluster.bus.call(getApproval, { id: both.id })).status).toBe('approved')
    const one = await ask({ needs: [need('dba', 2)] })
    await Promise.all(Array.from({ length: 6 }, () => cluster.bus.call(approve, { id: one.id, approver: bob, comment: '' })))
    expect(await cluster.bus.call(getApproval, { id: one.id })).toMatchObject({ status: 'requested', version: 2 })
  })

  test('release once also when the projection, and with it every lock, is gone: the events decide', async () => {
    const held = await ask()
    await cluster.bus.call(approve, { id: held.id, approver: bob, comment: '' })
    await database.kysely.deleteFrom('approvals').where('id', '=', held.id).execute()
    const store = new ApprovalStore(database, databaseClock, () => undefined)
    const outcomes = await Promise.allSettled(Array.from({ length: 4 }, () =>
      store.change(held.id, 'px_1', (state, now) => decideRelease(state, { digest: held.digest, proxy: held.proxy, command: held.command, now }))))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect((await typesOf(held.id)).filter((type) => type === 'released')).toHaveLength(1)
  })
})

describe('the database', () => {
  test('gives the same projection when it is made again from the events, also while the service runs', async () => {
    const rows = () => database.kysely.selectFrom('approvals').selectAll().orderBy('id').execute()
    await ask({ mode: 'park', digest: '2'.repeat(64) })
    await rebuildProjection(database.kysely)
    const before = await rows()
    expect(before.length).toBeGreaterThan(10)
    await database.kysely.updateTable('approvals').set({ status: 'approved', groups: ['everybody'] }).execute()
    await database.kysely.deleteFrom('approvals').where('mode', '=', 'park').execute()
    const meanwhile = ask()
    expect(await rebuildProjection(database.kysely)).toBeGreaterThanOrEqual(before.length)
    const { id } = await meanwhile
    expect((await rows()).filter((row) => row.id !== id)).toEqual(before)
    expect((await cluster.bus.call(listApprovals, { status: 'pending' })).items.map((approval) => approval.id)).toContain(id)
  })

  test('that can\'t be reached means: not approved, and nothing is lost', async () => {
    const held = await ask()
    const name = new URL(cluster.env['SALLYPORT_DATABASE_URL']!).pathname.slice(1)
    const admin = new pg.Client({ connectionString: Object.assign(new URL(cluster.env['SALLYPORT_DATABASE_URL']!), { pathname: '/postgres' }).toString() })
    await admin.connect()
    try {
      await admin.query(`alter database "${name}" with allow_connections false`)
      await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name])
      expect(await outcome(cluster.bus.call(approve, { id: held.id, approver: bob, comment: '' }))).toBe('unavailable')
      expect(await outcome(ask())).toBe('unavailable')
    } finally {
      await admin.query(`alter database "${name}" with allow_connections true`)
      await admin.end()
    }
    expect(await outcome(cluster.bus.call(approve, { id: held.id, approver: bob, comment: '' }))).toBe('approved')
    expect(await outcome(releaseOf(held))).toBe('released')
  })
})
