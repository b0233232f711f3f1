import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import * as contract from '@sallyport/contracts/masking'
import { HEARTBEAT_INTERVAL_MS, heartbeatSchema, MASKING_HEARTBEAT } from '@sallyport/contracts/policy'
import { RpcError } from '@sallyport/contracts/rpc'
import { compilePlan } from '@sallyport/masking-engine'
import type { Bus } from '@sallyport/messaging'
import { startService, type RunningService } from '@sallyport/runtime'
import { freePort, freshBus, freshDatabase, startNats, startPostgres, temporaryDir, waitFor, type EmbeddedNats } from '@sallyport/testing'
import pg from 'pg'
import type { z } from 'zod'
import { service } from './service.js'

let nats: EmbeddedNats
let bus: Bus
const running = new Set<RunningService>()
const heartbeats = new Map<string, number>()
let beats = 0

const start = async (database: string): Promise<RunningService> => {
  const replica = await startService(service, { SALLYPORT_NATS_URL: nats.url, SALLYPORT_DATABASE_URL: database, SALLYPORT_LOG_LEVEL: 'silent' })
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
  bus.subscribe(MASKING_HEARTBEAT, (payload) => {
    const { revision, source } = heartbeatSchema.parse(payload)
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

type Spec = z.input<typeof contract.maskingRuleSpecSchema>
const all = { matchLabels: {} }
const PII: Spec = { connections: all, columns: ['public.customers.email'] }
const put = (name: string, spec: Spec, managedBy: 'git' | 'api' | 'generated' = 'api') => bus.call(contract.putRule, { rule: { name, spec, managedBy }, actor: 'ada' })
const stage = (change: string, specs: Record<string, Spec>) => bus.call(contract.stageRules, {
  change, managedBy: 'git', prune: true, actor: 'ada', rules: Object.entries(specs).map(([name, spec], index) => ({ name, spec, file: 'masking.yaml', line: index * 10 + 1 })),
})
const refusal = async (work: Promise<unknown>): Promise<RpcError> => {
  const error = await work.then(() => undefined, (thrown: unknown) => thrown)
  if (error instanceof RpcError) return error
  throw new Error(`no RpcError: ${String(error)}`)
}
const bothAt = (revision: number) => waitFor(() => heartbeats.size === 2 && [...heartbeats.values()].every((heard) => heard === revision), { timeoutMs: 1000, what: `both replicas at revision ${revision}` })
const plan = () => bus.call(contract.plan, {
  connection: { name: 'orders-prod', protocol: 'postgres', labels: { environment: 'prod' }, revision: 1 },
  principal: { kind: 'agent', issuer: 'corp', subject: 'coding-agent', uid: 'coding-agent', groups: ['ai-agents'], chain: [] },
  touches: { relations: [{ schema: null, name: 'customers' }], columns: ['id', 'email'], everything: false, opaque: false },
  outputs: [
    { name: 'id', origin: { kind: 'column', names: [{ schema: 'public', table: 'customers', column: 'id' }], view: false } },
    { name: 'contact', origin: { kind: 'column', names: [{ schema: 'public', table: 'customers', column: 'email' }], view: false } },
  ],
})
const kinds = async () => (await plan()).outputs.map((output) => (output.kind === 'pass' ? 'pass' : `${output.rule} ${output.transform.kind}`))

describe('two replicas on one database', () => {
  let database: string
  let replicas: RunningService[]
  beforeAll(async () => {
    database = await freshDatabase()
    replicas = await Promise.all([start(database), start(database)])
  })

  test('without rules everything passes', async () => {
    expect(await plan()).toMatchObject({ outputs: [{ kind: 'pass' }, { kind: 'pass' }], detection: [], touchesMasked: false, columnRules: false })
  })

  test('what is put is in force at both within a second, and both hash with one key', async () => {
    const { rule, revision } = await put('customer-pii', { ...PII, transform: { kind: 'hash' } })
    expect(rule).toMatchObject({ name: 'customer-pii', version: 1, managedBy: 'api' })
    await bothAt(revision)
    const hashes = new Set<unknown>()
    for (let n = 0; n < 10; n++) {
      const reply = await plan()
      expect(reply).toMatchObject({ revision, outputs: [{ kind: 'pass' }, { kind: 'mask', rule: 'customer-pii' }], touchesMasked: true, columnRules: true })
      hashes.add(compilePlan(reply).outputs[1]?.mask.apply('bob@example.com'))
    }
    expect([...hashes]).toEqual([expect.stringMatching(/^\[hash:.{22}\]$/)])
  })

  test('an equal rule is no change, another one is a new version', async () => {
    const { revision } = await plan()
    expect(await put('customer-pii', { ...PII, transform: { kind: 'hash' }, detect: [] })).toMatchObject({ revision, rule: { version: 1 } })
    expect(await put('customer-pii', PII)).toMatchObject({ revision: revision + 1, rule: { version: 2 } })
    await bothAt(revision + 1)
    expect(await kinds()).toEqual(['pass', 'customer-pii redact'])
  })

  test('a rule that can\'t work is refused with its place, and nothing changes', async () => {
    const before = await bus.call(contract.listRules, {})
    const error = await refusal(bus.call(contract.putRule, { rule: { name: 'bad', managedBy: 'api', file: 'x.yaml', line: 3, spec: { connections: all, patterns: [{ name: 'p', pattern: '(' }] } }, actor: 'ada' }))
    expect(error.code).toBe('invalid')
    expect(error.details).toMatchObject([{ file: 'x.yaml', line: 3, field: 'spec.patterns[0].pattern' }])
    expect((await refusal(put('idle', { connections: all }))).code).toBe('invalid')
    expect(await bus.call(contract.listRules, {})).toEqual(before)
  })

  test('a staged change is in force when it is activated, all of it, and never in part', async () => {
    const faulty = await stage('c1', { mails: { connections: all, detect: ['email'] }, bad: { connections: all, patterns: [{ name: 'p', pattern: '[' }] } })
    expect(faulty.faults).toMatchObject([{ file: 'masking.yaml', line: 11, field: 'spec.patterns[0].pattern' }])
    expect((await refusal(bus.call(contract.activateRules, { change: 'c1' }))).code).toBe('not-found')

    const staged = await stage('c2', { mails: { connections: all, detect: ['email'] }, nulls: { ...PII, transform: { kind: 'null' } } })
    expect(staged).toEqual({ faults: [], differences: [{ kind: 'masking-rule', name: 'mails', change: 'create' }, { kind: 'masking-rule', name: 'nulls', change: 'create' }] })
    expect(await kinds()).toEqual(['pass', 'customer-pii redact'])
    const { revision } = await bus.call(contract.activateRules, { change: 'c2' })
    await bothAt(revision)
    expect(await kinds()).toEqual(['pass', 'nulls null'])
    expect(await bus.call(contract.activateRules, { change: 'c2' })).toEqual({ revision })

    expect((await stage('c3', { nulls: { ...PII, transform: { kind: 'null' } } })).differences).toEqual([{ kind: 'masking-rule', name: 'nulls', change: 'none' }, { kind: 'masking-rule', name: 'mails', change: 'delete' }])
    await bus.call(contract.discardRules, { change: 'c3' })
    expect((await refusal(bus.call(contract.activateRules, { change: 'c3' }))).code).toBe('not-found')
    expect((await bus.call(contract.listRules, {})).items.map(({ name }) => name)).toEqual(['customer-pii', 'mails', 'nulls'])
  })

  test('what git manages is not edited elsewhere', async () => {
    expect((await refusal(put('nulls', PII))).code).toBe('conflict')
    expect((await refusal(bus.call(contract.removeRule, { name: 'nulls', managedBy: 'api', actor: 'ada' }))).code).toBe('conflict')
    expect((await stage('c4', { 'customer-pii': PII })).faults).toMatchObject([{ file: 'masking.yaml', line: 1 }])
  })

  test('a preview says what a rule would do, and refuses what would be refused', async () => {
    expect(await bus.call(contract.preview, { spec: { connections: all, detect: ['credit_card'] }, samples: [{ value: 'card 4111 1111 1111 1111' }, { value: 'none' }] }))
      .toEqual({ results: [{ value: 'card [masked:preview]', masked: true, by: ['credit_card'] }, { value: 'none', masked: false, by: [] }] })
    expect((await refusal(bus.call(contract.preview, { spec: { connections: all, patterns: [{ name: 'p', pattern: '(' }] }, samples: [] }))).code).toBe('invalid')
  })

  test('changes are events of the rule, with who made them', async () => {
    const client = new pg.Client(database)
    await client.connect()
    const { rows } = await client.query('select type, actor, version from masking.aggregate_events where id = $1 order by version', ['customer-pii'])
    await client.end()
    expect(rows).toEqual([1, 2].map((version) => ({ type: 'sallyport.masking-rule.put.v1', actor: 'ada', version })))
  })

  test('all of it is there after a restart, the key too', async () => {
    const before = await bus.call(contract.listRules, {})
    const { revision, hashKey } = await plan()
    for (const replica of replicas) await stop(replica)
    expect((await refusal(plan())).code).toBe('unavailable')
    replicas = [await start(database), await start(database)]
    expect(await bus.call(contract.listRules, {})).toEqual(before)
    expect(await plan()).toMatchObject({ revision, hashKey })
  })

  test('what is removed is no longer in force', async () => {
    await bus.call(contract.removeRule, { name: 'nulls', managedBy: 'git', actor: 'ada' })
    const { revision } = await bus.call(contract.removeRule, { name: 'customer-pii', managedBy: 'api', actor: 'ada' })
    await bothAt(revision)
    expect(await kinds()).toEqual(['pass', 'pass'])
    expect((await refusal(bus.call(contract.removeRule, { name: 'customer-pii', managedBy: 'api', actor: 'ada' }))).code).toBe('not-found')
  })

  test('counts plans and shows its revision, and no key', async () => {
    const { revision, hashKey } = await plan()
    const pages = await Promise.all(replicas.map(async ({ httpUrl }) => (await fetch(`${httpUrl}/metrics`)).text()))
    for (const page of pages) expect(page).toMatch(new RegExp(`^sallyport_masking_revision.* ${revision}$`, 'm'))
    expect(pages.join()).toMatch(/^sallyport_masking_plans_total\{result="scan".*\} [1-9]/m)
    expect(pages.join()).not.toContain(hashKey)
  })

  afterAll(async () => {
    for (const replica of replicas) await stop(replica)
  })
})

test('a replica that lost its database says and plans nothing, and comes back with it', async () => {
  const options = { dataDir: temporaryDir('postgres'), port: await freePort() }
  let postgres = await startPostgres(options)
  const replica = await start(postgres.url)
  await put('customer-pii', PII)
  expect(await kinds()).toEqual(['pass', 'customer-pii redact'])
  expect((await fetch(`${replica.httpUrl}/readyz`)).status).toBe(200)

  await postgres.stop()
  await waitFor(async () => (await plan().catch((error: RpcError) => error.code)) === 'unavailable', { what: 'no more plans' })
  const silentFrom = beats
  await new Promise((resolve) => { setTimeout(resolve, 4 * HEARTBEAT_INTERVAL_MS) })
  expect(beats).toBe(silentFrom)
  expect((await fetch(`${replica.httpUrl}/readyz`)).status).toBe(503)

  postgres = await startPostgres(options)
  await waitFor(() => plan().then(() => true, () => false), { what: 'a plan' })
  expect(await kinds()).toEqual(['pass', 'customer-pii redact'])
  expect(beats).toBeGreaterThan(silentFrom)
  await stop(replica)
  await postgres.stop()
})
