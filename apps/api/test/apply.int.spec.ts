import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { lookUpConnection, sealingContext } from '@sallyport/contracts/directory'
import { newId } from '@sallyport/contracts/ids'
import { listRules, stageRules } from '@sallyport/contracts/masking'
import { listPolicies, stagePolicies } from '@sallyport/contracts/policy'
import { seal } from '@sallyport/sealing'
import { waitFor } from '@sallyport/testing'
import pg from 'pg'
import { startCluster, type Cluster } from './cluster.js'

let cluster: Cluster
let database: pg.Client
beforeAll(async () => {
  cluster = await startCluster()
  database = new pg.Client({ connectionString: cluster.database })
  await database.connect()
}, 120_000)
afterAll(async () => {
  await database.end()
  await cluster.stop()
})

const target = { host: '10.0.0.5', port: 5432, tls: 'require' }
const connection = async (name: string, more: object = {}) => ({
  name, labels: { environment: 'prod' }, file: 'connections.yaml', line: 3,
  spec: { protocol: 'postgres', target, credentials: { username: 'app', sealed: await seal('pw', [cluster.sealing.publicKey], sealingContext(name, target, { username: 'app', kind: 'password' })) }, ...more },
})
const agent = { name: 'coding-agent', spec: { issuer: 'development', subject: 'coding-agent', owner: 'alice', connections: ['orders'] }, file: 'agents.yaml', line: 1 }
const rule = { name: 'pii', spec: { connections: { matchLabels: { environment: 'prod' } }, detect: ['email'] }, file: 'masking.yaml', line: 1 }
const policy = { name: 'base', text: '@id("connect") permit (principal in Group::"ai-agents", action in Action::"connect", resource);', file: 'policies/base.cedar' }
const whole = async (more: object = {}) => ({ connections: [await connection('orders')], agents: [agent], maskingRules: [rule], policies: [policy], ...more })
const apply = (body: object, as = 'ada') => cluster.ask(as, 'POST', '/v1/configuration/apply', { body })
const events = async (): Promise<number> => {
  const counts = await database.query<{ n: string }>('select (select count(*) from api.aggregate_events) + (select count(*) from policy_decision.aggregate_events) + (select count(*) from masking.aggregate_events) as n')
  return Number(counts.rows[0]!.n)
}
const staged = async (): Promise<number> => {
  const { rows } = await database.query<{ n: string }>(['api', 'policy_decision', 'masking'].map((schema) => `select count(*) as n from ${schema}.configuration_changes where state = 'staged'`).join(' union all '))
  return rows.reduce((sum, { n }) => sum + Number(n), 0)
}
const policyNames = async () => (await cluster.bus.call(listPolicies, {})).items.map(({ name }) => name)

describe('applying a configuration', () => {
  test('shows the difference first, and is for admins', async () => {
    const answer = await apply({ ...(await whole()), dryRun: true })
    expect(answer).toMatchObject({ status: 200, body: { change: null, dryRun: true } })
    expect(answer.body.differences).toEqual(expect.arrayContaining(['connection orders', 'agent coding-agent', 'masking-rule pii', 'policy base'].map((each) => ({ kind: each.split(' ')[0], name: each.split(' ')[1], change: 'create' }))))
    expect(await events()).toBe(0)
    expect((await apply(await whole(), 'iris')).status).toBe(403)
  })

  test('with a fault anywhere changes nothing anywhere, and names file, line and field', async () => {
    const refused = async (more: object) => {
      const answer = await apply(await whole(more))
      expect(answer.status).toBe(422)
      expect(answer.headers.get('content-type')).toBe('application/problem+json')
      expect(await events()).toBe(0)
      expect(await staged()).toBe(0)
      return answer.body.faults
    }
    expect(await refused({ policies: [{ ...policy, text: '@id("x") permit (principal, action, resource) when { context.hasWere };' }] })).toMatchObject([{ file: 'policies/base.cedar', line: 1, message: expect.stringContaining('hasWhere') }])
    expect(await refused({ agents: [{ ...agent, spec: { ...agent.spec, connections: ['nowhere'] } }] })).toMatchObject([{ file: 'agents.yaml', line: 1, field: 'spec.connections.0' }])
    expect(await refused({ connections: [{ ...(await connection('orders')), spec: { protocol: 'postgres', target: { ...target, port: 99999 }, credentials: { username: 'app' } } }] })).toMatchObject([{ file: 'connections.yaml', line: 3, field: 'spec.target.port' }])
    expect(await refused({ maskingRules: [{ ...rule, spec: { ...rule.spec, patterns: [{ name: 'bad', pattern: '(' }] } }] })).toMatchObject([{ file: 'masking.yaml' }])
  })

  test('puts all of it in force, and the same again changes nothing', async () => {
    const answer = await apply(await whole())
    expect(answer).toMatchObject({ status: 200, body: { change: expect.stringMatching(/^chg_/) } })
    expect(await cluster.bus.call(lookUpConnection, { name: 'orders' })).toMatchObject({ managedBy: 'git', revision: 1 })
    expect(await policyNames()).toEqual(['agent-coding-agent', 'base'])
    expect((await cluster.bus.call(listRules, {})).items).toMatchObject([{ name: 'pii', managedBy: 'git' }])
    const before = await events()
    const again = await apply(await whole())
    expect(again.body.change).toBeNull()
    expect(again.body.differences.every(({ change }: { change: string }) => change === 'none')).toBe(true)
    expect(await events()).toBe(before)
  })

  test('replaces a credential that differs in its ciphertext only when it is asked to', async () => {
    const sealed = async () => (await cluster.bus.call(lookUpConnection, { name: 'orders' })).spec.credentials.sealed
    const before = await sealed()
    await apply(await whole())
    expect(await sealed()).toBe(before)
    expect((await apply(await whole({ reseal: true }))).body.differences).toContainEqual({ kind: 'connection', name: 'orders', change: 'update' })
    expect(await sealed()).not.toBe(before)
  })

  test('is not changed by hand', async () => {
    expect((await cluster.ask('ada', 'PUT', '/v1/connections/orders', { body: { spec: (await connection('orders')).spec } })).status).toBe(409)
    expect((await cluster.ask('ada', 'DELETE', '/v1/connections/orders')).status).toBe(409)
    expect((await cluster.ask('ada', 'PUT', '/v1/agents/coding-agent', { body: { spec: { ...agent.spec, connections: [] } } })).status).toBe(409)
    expect((await cluster.ask('ada', 'PUT', '/v1/policies/base', { body: { text: policy.text } })).status).toBe(409)
    expect((await cluster.bus.call(listPolicies, {})).items[0]!.text).toContain('Connection::"orders"')
  })

  test('removes what is gone from git only with prune, and leaves nothing open to an agent that goes', async () => {
    expect((await apply({ connections: [await connection('orders')] })).body.change).toBeNull()
    const pruned = await apply({ connections: [await connection('orders')], prune: true })
    expect(pruned.body.differences).toEqual(expect.arrayContaining([{ kind: 'agent', name: 'coding-agent', change: 'delete' }, { kind: 'retired-agent', name: 'coding-agent', change: 'create' }, { kind: 'policy', name: 'base', change: 'delete' }]))
    expect(await policyNames()).toEqual(['retired-coding-agent'])
    expect((await cluster.bus.call(listRules, {})).items).toEqual([])
    // Pruned again it stays; registered again it is gone, with its guard.
    expect((await apply({ connections: [await connection('orders')], prune: true })).body.change).toBeNull()
    expect((await apply({ connections: [await connection('orders')], agents: [agent] })).body.differences).toEqual(expect.arrayContaining([{ kind: 'agent', name: 'coding-agent', change: 'create' }, { kind: 'retired-agent', name: 'coding-agent', change: 'delete' }]))
    expect(await policyNames()).toEqual(['agent-coding-agent'])
    await apply({ connections: [await connection('orders')], prune: true })
    expect((await cluster.ask('ada', 'DELETE', '/v1/retired-agents/coding-agent')).status).toBe(204)
    expect(await policyNames()).toEqual([])
  })

  test('goes on after a crash between the services\' agreement and the end', async () => {
    const change = newId('chg')
    const head = { change, managedBy: 'git' as const, prune: false, actor: 'ada' }
    // What an API that died right after the services agreed leaves behind; its own part had not come that far.
    await cluster.bus.call(stagePolicies, { ...head, documents: [policy] })
    await cluster.bus.call(stagePolicies, { ...head, change: `${change}-guards`, managedBy: 'generated', documents: [] })
    await cluster.bus.call(stageRules, { ...head, rules: [rule as never] })
    await database.query('insert into api.changes (change, actor, began_at) values ($1, $2, now())', [change, 'ada'])
    await cluster.restartApi()
    await waitFor(async () => (await database.query('select 1 from api.changes')).rowCount === 0)
    expect(await policyNames()).toEqual(['base'])
    expect((await cluster.bus.call(listRules, {})).items).toHaveLength(1)
    expect(await cluster.bus.call(lookUpConnection, { name: 'orders' })).toMatchObject({ managedBy: 'git', spec: { credentials: { sealed: expect.any(String) } } })
  })

  test('at the same time as another leaves one of them whole', async () => {
    const variant = async (label: string) => ({
      connections: [{ ...(await connection('orders')), labels: { variant: label } }],
      maskingRules: [{ ...rule, spec: { ...rule.spec, columns: [`public.customers.${label}`] } }],
      policies: [{ ...policy, text: policy.text.replace('"connect"', `"connect-${label}"`) }],
    })
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map(async (label) => apply(await variant(label))))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200])
    const { labels } = await cluster.bus.call(lookUpConnection, { name: 'orders' })
    expect((await cluster.bus.call(listPolicies, {})).items.find(({ name }) => name === 'base')?.text).toContain(`"connect-${labels['variant']}"`)
    expect((await cluster.bus.call(listRules, {})).items[0]?.spec.columns).toEqual([`public.customers.${labels['variant']}`])
  })

  test('of own issuers ends the development issuer, and names agents by their issuer', async () => {
    const issuers = [{ name: 'corp', spec: { oidc: { url: cluster.idp.issuer, audience: 'sallyport' }, primary: true }, file: 'issuers.yaml', line: 1 }]
    expect((await apply({ issuers })).body.faults).toEqual(expect.arrayContaining([expect.objectContaining({ file: 'issuers.yaml', message: expect.stringContaining('RoleBinding') })]))
    const moved = { ...agent, spec: { ...agent.spec, issuer: 'corp' } }
    const done = await apply(await whole({ issuers, agents: [moved], roleBindings: [{ name: 'admins', spec: { role: 'admin', groups: ['admins'] } }] }))
    expect(done.status).toBe(200)
    expect((await cluster.ask('ada', 'GET', '/v1/whoami')).body).toMatchObject({ principal: { issuer: 'corp' }, roles: ['admin'] })
    expect((await cluster.ask('iris', 'GET', '/v1/whoami')).body).toMatchObject({ roles: [] })
  })
})
