import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { routes } from '../src/routes.js'
import { startCluster, type Answer, type Cluster } from './cluster.js'

let cluster: Cluster
beforeAll(async () => { cluster = await startCluster() })
afterAll(() => cluster.stop())

/** Development principals and what the default bindings make of them. bob is in approval groups, which is no role. */
const people = { ada: ['admin'], iris: ['auditor'], bob: [], alice: [] } as const
const agents = ['coding-agent', 'ci-agent']

/** Nothing has these names, so whoever is let through is told of something else than his rights. */
const pathOf = (path: string): string => path.replace('{name}', 'nothing').replace('{id}', 'none')
const ask = (as: string | undefined, method: string, path: string): Promise<Answer> =>
  cluster.ask(as, method, pathOf(path), method === 'GET' || method === 'DELETE' ? {} : { body: { none: 'of these' } })

const refusedForRole = ({ status, body }: Answer): boolean => status === 403 && /^This (needs the role|is for people)/.test((body as { detail: string }).detail)

describe.each(routes.map(({ method, path, access }) => [`${method} ${path}`, { method, path, access }] as const))('%s', (_, { method, path, access }) => {
  test('knows who asks before anything else', async () => {
    const answer = await ask(undefined, method, path)
    expect(answer.status === 401).toBe(access !== 'public')
    if (access !== 'public') expect(answer.body).toMatchObject({ code: 'unauthenticated' })
  })

  test('is open to those it is for, and to nobody else', async () => {
    for (const [name, roles] of Object.entries(people)) {
      const mayUse = !Array.isArray(access) || (roles as readonly string[]).some((role) => access.includes(role as never))
      expect([name, refusedForRole(await ask(name, method, path))]).toEqual([name, !mayUse])
    }
    await cluster.ask('ada', 'PUT', '/v1/agents/coder', { body: { spec: { issuer: 'development', subject: 'coding-agent', owner: 'alice', connections: [] } } })
    const [registered, unregistered] = agents as [string, string]
    expect(refusedForRole(await ask(registered, method, path))).toBe(access !== 'public' && access !== 'anyone')
    // Its token shows no person either.
    expect(refusedForRole(await ask(unregistered, method, path))).toBe(access !== 'public' && access !== 'anyone')
  })
})

test('what is not in the table is not there', async () => {
  for (const path of ['/', '/v1', '/v1/nothing', '/v1/whoami/', '/v1/sessions/none/live', '/v1/grants', '/v1/access-requests', '/v1/notifications', '/v1/audit/checkpoint', '/admin', '//v1/whoami']) {
    expect([path, (await cluster.ask('ada', 'GET', path)).status]).toEqual([path, path.startsWith('//') ? 400 : 404])
  }
})

/** RFC 8693: what the agent gets for a person's token. */
const exchanged = async (agent: string, person: string): Promise<string> => {
  const response = await fetch(`${cluster.idp.issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange', client_id: agent, client_secret: `${agent}-secret`,
      subject_token: await cluster.token(person), subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    }),
  })
  return ((await response.json()) as { access_token: string }).access_token
}

test('an agent that acts for an admin is the agent, with the admin in its chain and none of his roles', async () => {
  for (const agent of agents) {
    const headers = { authorization: `Bearer ${await exchanged(agent, 'ada')}` }
    const whoami = await cluster.ask(undefined, 'GET', '/v1/whoami', { headers })
    expect(whoami.body).toMatchObject({ principal: { uid: agent, groups: ['ai-agents'], chain: [{ kind: 'user', uid: 'ada', groups: ['admins'] }] }, roles: [] })
    expect((await cluster.ask(undefined, 'PUT', '/v1/policies/mine', { headers, body: { text: '' } })).status).toBe(403)
    expect((await cluster.ask(undefined, 'POST', '/v1/approvals/none/approve', { headers, body: { comment: '' } })).body).toMatchObject({ status: 403, detail: 'This is for people who act for themselves.' })
  }
})
