import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import * as contract from '@sallyport/contracts/policy'
import type { DecideRequest } from '@sallyport/contracts/policy'
import { EVENT_STREAM } from '@sallyport/contracts/events'
import { RpcError } from '@sallyport/contracts/rpc'
import type { Bus } from '@sallyport/messaging'
import type { PolicyProtocol } from '@sallyport/policy-engine'
import { defineService, startService, type RunningService } from '@sallyport/runtime'
import { freshBus, freshDatabase, freePort, startNats, startPostgres, temporaryDir, waitFor, type EmbeddedNats } from '@sallyport/testing'
import { configSchema } from './config.js'
import { policyDecisionModule } from './policy-decision.module.js'

const records: PolicyProtocol = { name: 'records', actions: { 'rec.open': 'connect', 'rec.get': 'read', 'rec.set': 'write' }, facts: { hasWhere: 'boolean', database: 'string' } }
const serviceFor = (protocol: PolicyProtocol) => defineService({ name: 'policy-decision', config: configSchema, module: (config) => policyDecisionModule(config, [protocol]) })

let nats: EmbeddedNats
let bus: Bus
const running = new Set<RunningService>()
const heartbeats = new Map<string, number>()
let beats = 0

const start = async (database: string, protocol = records): Promise<RunningService> => {
  const replica = await startService(serviceFor(protocol), { SALLYPORT_NATS_URL: nats.url, SALLYPORT_DATABASE_URL: database, SALLYPORT_LOG_LEVEL: 'silent' })
  running.add(replica)
  return replica
}
const stop = async (replica: RunningService): Promise<void> => {
  running.delete(replica)
  await replica.stop()
  heartbeats.delete(replica.instance)
}

beforeAll(async () => {
  nats = await startNats({ dataDir: temporaryDir('nats'), ephemeral: true })
  bus = await freshBus('api', { url: nats.url })
  bus.subscribe(contract.POLICY_HEARTBEAT, (payload) => {
    const { revision, source } = contract.heartbeatSchema.parse(payload)
    heartbeats.set(source, revision)
    beats++
  })
  await bus.flush()
})

afterAll(async () => {
  for (const replica of running) await replica.stop()
  await bus.close()
  await nats.stop()
})

const ask = (action: string, actionClass: contract.ActionClass, facts: DecideRequest['effects'][number]['facts'] = {}): DecideRequest => ({
  principal: { kind: 'agent', issuer: 'corp', subject: 'coding-agent', uid: 'coding-agent', groups: ['ai-agents'], owner: 'alice', chain: [] },
  connection: { name: 'orders-prod', protocol: 'records', labels: { environment: 'prod' }, revision: 1 },
  effects: [{ action, class: actionClass, facts }],
  circumstances: { sourceAddress: '127.0.0.1', grants: [] },
})
const READ = ask('rec.get', 'read')
const WRITE = ask('rec.set', 'write')
const decide = (request: DecideRequest) => bus.call(contract.decide, request)
const outcome = async (request: DecideRequest) => (await decide(request)).outcome

const put = (name: string, text: string, managedBy: 'git' | 'api' | 'generated' = 'api') => bus.call(contract.putPolicy, { document: { name, text, managedBy, file: `${name}.cedar` }, actor: 'ada' })
const stage = (change: string, texts: Record<string, string>) => bus.call(contract.stagePolicies, {
  change, managedBy: 'git', prune: true, actor: 'ada', documents: Object.entries(texts).map(([name, text]) => ({ name, text, file: `policies/${name}.cedar` })),
})
const refusal = async (work: Promise<unknown>): Promise<RpcError> => {
  const error = await work.then(() => undefined, (thrown: unknown) => thrown)
  if (error instanceof RpcError) return error
  throw new Error(`no RpcError: ${String(error)}`)
}
const bothAt = (revision: number) => waitFor(() => heartbeats.size === 2 && [...heartbeats.values()].every((heard) => heard === revision), { what: `both replicas at revision ${revision}` })

const READS = '@id("reads") permit(principal in Group::"ai-agents", action in Action::"read", resource);'
const WRITES = '@id("writes") permit(principal in Group::"ai-agents", action in Action::"write", resource);'

describe('two replicas on one database', () => {
  let database: string
  let replicas: RunningService[]
  beforeAll(async () => {
    database = await freshDatabase()
    replicas = [await start(database), await start(database)]
  })

  test('without policies everything is denied', async () => {
    expect(await decide(READ)).toMatchObject({ outcome: 'deny', policies: [], reason: 'no policy permits rec.get on orders-prod for coding-agent' })
    expect((await bus.call(contract.listPolicies, {})).items).toEqual([])
  })

  test('what is put is in force at both as soon as both say so', async () => {
    const { document, revision } = await put('reads', READS)
    expect(document).toMatchObject({ name: 'reads', version: 1, managedBy: 'api' })
    await bothAt(revision)
    for (let n = 0; n < 10; n++) expect(await decide(READ)).toMatchObject({ outcome: 'allow', policies: ['reads'], revision })
    expect(await outcome(WRITE)).toBe('deny')
  })

  test('a document with a fault is refused whole, with its place, and nothing changes', async () => {
    const before = await bus.call(contract.listPolicies, {})
    const error = await refusal(put('writes', `${WRITES}\n@id("x") forbid(principal, action, resource) when { context has hasWher };`))
    expect(error.code).toBe('invalid')
    expect(error.details).toMatchObject([{ file: 'writes.cedar', line: 2, column: 65 }])
    expect(await bus.call(contract.listPolicies, {})).toEqual(before)
    expect(await outcome(WRITE)).toBe('deny')
  })

  test('ids are unique over all documents', async () => {
    const error = await refusal(put('more', READS))
    expect(error.details?.[0]?.['message']).toContain('also the id of a policy in reads.cedar, line 1')
    expect(await bus.call(contract.validatePolicies, { documents: [{ name: 'more', text: READS, managedBy: 'git' }] })).toMatchObject({ faults: [{ file: 'more.cedar', field: '@id' }] })
    expect(await bus.call(contract.validatePolicies, { documents: [{ name: 'reads', text: READS, managedBy: 'api' }] })).toEqual({ faults: [] })
  })

  test('a staged change is in force when it is activated, all of it, and never in part', async () => {
    const faulty = await stage('c1', { writes: WRITES, approvals: '@id("ask") @aproval("dba") forbid(principal, action, resource);' })
    expect(faulty.faults).toMatchObject([{ file: 'policies/approvals.cedar', line: 1, column: 12 }])
    expect((await refusal(bus.call(contract.activatePolicies, { change: 'c1' }))).code).toBe('not-found')

    const staged = await stage('c2', { writes: WRITES, approvals: '@id("ask") @approval("dba") forbid(principal, action in Action::"write", resource);' })
    expect(staged).toEqual({ faults: [], differences: [{ kind: 'policy', name: 'writes', change: 'create' }, { kind: 'policy', name: 'approvals', change: 'create' }] })
    expect(await outcome(WRITE)).toBe('deny')
    const { revision } = await bus.call(contract.activatePolicies, { change: 'c2' })
    await bothAt(revision)
    expect(await decide(WRITE)).toMatchObject({ outcome: 'hold', needs: [{ policy: 'ask', group: 'dba', count: 1, expiresMs: 900_000, park: false }], revision })
    expect(await bus.call(contract.activatePolicies, { change: 'c2' })).toEqual({ revision })
    expect(await outcome(READ)).toBe('allow')

    await stage('c3', {})
    await bus.call(contract.discardPolicies, { change: 'c3' })
    expect((await refusal(bus.call(contract.activatePolicies, { change: 'c3' }))).code).toBe('not-found')
    expect(await outcome(WRITE)).toBe('hold')
  })

  test('what git manages is not edited elsewhere', async () => {
    expect((await refusal(put('approvals', WRITES.replace('writes', 'mine')))).code).toBe('conflict')
    expect((await refusal(bus.call(contract.removePolicy, { name: 'approvals', managedBy: 'api', actor: 'ada' }))).code).toBe('conflict')
    expect(await outcome(WRITE)).toBe('hold')
  })

  test('explains what it decides', async () => {
    expect(await bus.call(contract.explain, WRITE)).toMatchObject({
      outcome: 'hold',
      effects: [{ action: 'rec.set', party: 'Agent::"coding-agent"', outcome: 'hold', policies: ['ask'], errors: [] }],
    })
  })

  test('all of it is there after a restart', async () => {
    const before = await bus.call(contract.listPolicies, {})
    const { revision } = await decide(WRITE)
    for (const replica of replicas) await stop(replica)
    expect((await refusal(decide(WRITE))).code).toBe('unavailable')
    replicas = [await start(database), await start(database)]
    expect(await bus.call(contract.listPolicies, {})).toEqual(before)
    expect(await decide(WRITE)).toMatchObject({ outcome: 'hold', revision })
  })

  test('what is removed is no longer in force', async () => {
    const { revision } = await bus.call(contract.removePolicy, { name: 'reads', managedBy: 'api', actor: 'ada' })
    await bothAt(revision)
    expect(await outcome(READ)).toBe('deny')
  })

  test('counts decisions and shows its revision, and no fact\'s value', async () => {
    const { revision } = await decide(ask('rec.get', 'read', { database: 'planted-secret' }))
    const pages = await Promise.all(replicas.map(async ({ httpUrl }) => (await fetch(`${httpUrl}/metrics`)).text()))
    for (const page of pages) expect(page).toMatch(new RegExp(`^sallyport_policy_revision\\{.* ${revision}$`, 'm'))
    expect(pages.join()).toMatch(/^sallyport_policy_decisions_total\{outcome="deny".*\} [1-9]/m)
    expect(pages.join()).not.toContain('planted-secret')
  })

  afterAll(async () => {
    for (const replica of replicas) await stop(replica)
  })
})

test('a change of policies is an event of the stream, and outlives the time without a stream', async () => {
  const replica = await start(await freshDatabase())
  await put('reads', READS)
  await bus.ensureEventStream()
  await waitFor(async () => (await bus.streamState(EVENT_STREAM)).lastSequence > 0, { what: 'an event' })
  await stop(replica)
})

test('policies that a new version can\'t vouch for decide nothing until they are mended', async () => {
  const database = await freshDatabase()
  const before = await start(database)
  await put('guard', `${READS}\n@id("where") forbid(principal, action, resource) when { context has hasWhere && !context.hasWhere };`)
  expect(await outcome(READ)).toBe('allow')
  await stop(before)

  const after = await start(database, { ...records, facts: { filtered: 'boolean' } })
  const error = await refusal(decide(READ))
  expect(error.code).toBe('unavailable')
  expect(error.message).toContain('guard.cedar:2:')
  await put('guard', `${READS}\n@id("where") forbid(principal, action, resource) when { context has filtered && !context.filtered };`)
  expect(await outcome(READ)).toBe('allow')
  await stop(after)
})

test('a replica that lost its database says and decides nothing, and comes back with it', async () => {
  const options = { dataDir: temporaryDir('postgres'), port: await freePort() }
  let postgres = await startPostgres(options)
  const replica = await start(postgres.url)
  await put('reads', READS)
  expect(await outcome(READ)).toBe('allow')
  expect((await fetch(`${replica.httpUrl}/readyz`)).status).toBe(200)

  await postgres.stop()
  await waitFor(async () => (await decide(READ).catch((error: RpcError) => error.code)) === 'unavailable', { what: 'no more decisions' })
  const silentFrom = beats
  await new Promise((resolve) => { setTimeout(resolve, 4 * contract.HEARTBEAT_INTERVAL_MS) })
  expect(beats).toBe(silentFrom)
  expect((await fetch(`${replica.httpUrl}/readyz`)).status).toBe(503)

  postgres = await startPostgres(options)
  await waitFor(() => outcome(READ), { what: 'a decision' })
  expect(await outcome(READ)).toBe('allow')
  expect(beats).toBeGreaterThan(silentFrom)
  await stop(replica)
  await postgres.stop()
})
