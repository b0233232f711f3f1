import { rmSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { approve, getApproval, requestApproval, type Approval } from '@sallyport/contracts/approval'
import { newId } from '@sallyport/contracts/ids'
import { at, type RpcError } from '@sallyport/contracts/rpc'
import { startNats, temporaryDir, type EmbeddedNats } from '@sallyport/testing'
import { eventually, startCluster, type Cluster } from './cluster.js'
import { bob, MINUTE_MS, requestOf } from './fixtures.js'

let dataDir: string
let nats: EmbeddedNats
let cluster: Cluster
beforeAll(async () => {
  dataDir = temporaryDir('approval-bus')
  nats = await startNats({ dataDir })
  cluster = await startCluster(nats)
  await cluster.start()
})
afterAll(async () => {
  await cluster.stop()
  await nats.stop()
  rmSync(dataDir, { recursive: true, force: true })
})

const statusOf = async (id: string): Promise<string> => (await cluster.sql.query<{ status: string }>('select status from approvals where id = $1', [id])).rows[0]!.status
const outcome = (work: Promise<Approval>): Promise<string> => work.then(({ status }) => status, (error: RpcError) => error.code)

test('a killed bus: nothing is approved meanwhile, what expires does so, and the log gets it afterwards', async () => {
  const held = await cluster.bus.call(at(requestApproval, 'px_1'), requestOf({ command: newId('cmd') }))
  nats.kill()
  await eventually(() => !cluster.bus.connected)
  expect(await outcome(cluster.bus.call(approve, { id: held.id, approver: bob, comment: '' }))).toBe('unavailable')
  cluster.forward(15 * MINUTE_MS)
  await eventually(async () => (await statusOf(held.id)) === 'expired')
  nats = await startNats({ dataDir, port: Number(new URL(nats.url).port) })
  await eventually(async () => (await outcome(cluster.bus.call(getApproval, { id: held.id }, { timeoutMs: 500 }))) === 'expired')
  expect((await cluster.streamed(held.id)).map(({ type }) => type.split('.')[2])).toEqual(['requested', 'expired'])
})
