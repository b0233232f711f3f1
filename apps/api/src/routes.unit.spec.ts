import { describe, expect, test } from '@jest/globals'
import { rolesOf, type RoleBinding } from '@sallyport/identity'
import type { Principal } from '@sallyport/contracts/identity'
import { mayCall } from './http/authorise.js'
import type { Caller } from './http/route.js'
import { routes } from './routes.js'

/** Who asks. `agent` and `delegate` are in every group that has a role: they have none all the same. `machine` has them: its token shows no person. */
const bindings: RoleBinding[] = [{ role: 'admin', groups: ['admins'] }, { role: 'approver', groups: ['approvers'] }, { role: 'auditor', groups: ['auditors'] }]
const everyGroup = ['admins', 'approvers', 'auditors']
const principal = (uid: string, groups: string[], more: Partial<Principal> = {}): Principal => ({ kind: 'user', issuer: 'corp', subject: uid, uid, groups, person: true, chain: [], ...more })
const alice = principal('alice', ['engineers'])
const machine: Principal = { kind: 'user', issuer: 'corp', subject: 'pipeline', uid: 'pipeline', groups: everyGroup, chain: [] }
const principals = {
  user: alice,
  admin: principal('ada', ['admins']),
  approver: principal('bob', ['approvers']),
  auditor: principal('iris', ['auditors']),
  agent: principal('coding-agent', everyGroup, { kind: 'agent', owner: 'alice' }),
  machine,
  delegate: principal('script', everyGroup, { chain: [alice] }),
} as const
type Who = keyof typeof principals
const callers = Object.entries(principals).map(([who, each]): [Who, Caller] => [who as Who, { principal: each, roles: rolesOf(each, bindings), expiresAt: new Date() }])

const ALL: Who[] = ['user', 'admin', 'approver', 'auditor', 'agent', 'machine', 'delegate']
const PEOPLE: Who[] = ['user', 'admin', 'approver', 'auditor']
const ADMIN: Who[] = ['admin', 'machine']
const READERS: Who[] = ['admin', 'auditor', 'machine']

/** Every route, and who gets as far as its handler. A new route must be entered here: whoever adds it says for whom it is. */
const expected: Readonly<Record<string, readonly Who[] | 'public'>> = {
  'GET /v1/openapi.json': 'public',
  'GET /v1/whoami': ALL,
  'POST /v1/credentials': ALL,
  'DELETE /v1/credentials/{id}': ALL,
  'GET /v1/listeners': ALL,
  'GET /v1/sealing-keys': ALL,
  'GET /v1/connections': ALL,
  'GET /v1/connections/{name}': ALL,
  ...Object.fromEntries(['connections', 'agents', 'issuers', 'role-bindings', 'policies', 'masking-rules'].flatMap((kind) => [
    [`POST /v1/${kind}`, ADMIN], [`PUT /v1/${kind}/{name}`, ADMIN], [`DELETE /v1/${kind}/{name}`, ADMIN],
  ])),
  'GET /v1/retired-agents': READERS,
  'DELETE /v1/retired-agents/{name}': ADMIN,
  ...Object.fromEntries(['agents', 'issuers', 'role-bindings', 'policies', 'masking-rules'].flatMap((kind) => [
    [`GET /v1/${kind}`, READERS], [`GET /v1/${kind}/{name}`, READERS],
  ])),
  'POST /v1/masking-rules/preview': READERS,
  'POST /v1/policies/explain': ALL,
  'POST /v1/configuration/apply': ADMIN,
  'GET /v1/approvals': ALL,
  'GET /v1/approvals/{id}': ALL,
  'GET /v1/approvals/{id}/exact': PEOPLE,
  'POST /v1/approvals/{id}/approve': PEOPLE,
  'POST /v1/approvals/{id}/deny': PEOPLE,
  'GET /v1/sessions': ALL,
  'GET /v1/sessions/{id}': ALL,
  'DELETE /v1/sessions/{id}': ALL,
  'GET /v1/sessions/{id}/commands': ALL,
  'GET /v1/sessions/{id}/replay': ALL,
  'GET /v1/commands': ALL,
  'GET /v1/events': ALL,
}

const nameOf = ({ method, path }: { method: string; path: string }): string => `${method} ${path}`

describe('the table of routes', () => {
  test('has each route once, and each is classified', () => {
    const names = routes.map(nameOf)
    expect(new Set(names).size).toBe(names.length)
    expect([...names].sort()).toEqual(Object.keys(expected).sort())
  })

  test.each(routes.map((route) => [nameOf(route), route] as const))('%s is for those it is for', (name, route) => {
    const wanted = expected[name]
    if (wanted === 'public') expect(route.access).toBe('public')
    else {
      expect(route.access).not.toBe('public')
      expect(callers.filter(([, caller]) => mayCall(route.access, caller)).map(([who]) => who)).toEqual(ALL.filter((who) => wanted?.includes(who)))
    }
  })

  test('lets nobody but those with the role admin change the configuration, and that one change after the other', () => {
    const changing = routes.filter(({ method, path }) => method !== 'GET' && !/credentials|approvals|sessions|preview|explain/.test(path))
    expect(changing.length).toBeGreaterThan(0)
    for (const route of changing) expect([nameOf(route), route.access, route.configures]).toEqual([nameOf(route), ['admin'], true])
  })
})

describe('the description', () => {
  interface Operation { operationId: string; summary: string; parameters: { name: string; in: string }[]; responses: Record<string, { content?: object }>; security: object[]; requestBody?: object }
  const described = async () => {
    const answer = await routes.find(({ path }) => path === '/v1/openapi.json')!.handle({} as never, {} as never)
    return answer.body as { openapi: string; paths: Record<string, Record<string, Operation>> }
  }

  test('has every route with summary, parameters, body and answers', async () => {
    const { openapi, paths } = await described()
    expect(openapi).toBe('3.1.0')
    const ids = new Set<string>()
    for (const route of routes) {
      const operation = paths[route.path]![route.method.toLowerCase()]!
      ids.add(operation.operationId)
      expect(operation.summary).not.toBe('')
      expect(operation.security).toEqual(route.access === 'public' ? [] : [{ token: [] }])
      expect(operation.parameters.filter((each) => each.in === 'path').map(({ name }) => name)).toEqual([...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name))
      expect(operation.requestBody === undefined).toBe(route.body === undefined)
      expect(Object.keys(operation.responses)).toContain('default')
      expect(Object.keys(operation.responses).some((status) => /^20\d$/.test(status))).toBe(true)
    }
    expect(ids.size).toBe(routes.length)
  })
})
