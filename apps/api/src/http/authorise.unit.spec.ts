import { describe, expect, test } from '@jest/globals'
import { developmentRoleBindings, IdentityError, type Verifier } from '@sallyport/identity'
import type { Principal } from '@sallyport/contracts/identity'
import { RpcError } from '@sallyport/contracts/rpc'
import { viewOf } from '../directory/view.js'
import { callerOf } from './authorise.js'
import { problemOf } from './problem.js'

const ada: Principal = { kind: 'user', issuer: 'development', subject: 'ada', uid: 'ada', groups: ['admins'], chain: [] }
const expiresAt = new Date('2026-11-22T12:00:00Z')
const verifier: Verifier = {
  verify: (token) => token === 'good' ? Promise.resolve({ party: ada, expiresAt }) : Promise.reject(new IdentityError(token as never, 'so it is')),
}
const development = { name: 'development', url: 'http://127.0.0.1:1', audience: 'sallyport', groupsClaim: 'groups', primary: true }
const view = () => viewOf([], { protocols: new Map(), developmentIssuer: development })
const refused = async (authorization: string | undefined): Promise<[number, string | undefined]> => {
  const problem = problemOf(await callerOf(authorization, verifier, view).then(() => new Error('accepted'), (thrown: unknown) => thrown))
  return [problem.status, problem.headers['www-authenticate']]
}

describe('who calls', () => {
  test('is whom the token names, with the roles of his groups', async () => {
    const caller = await callerOf('bearer good', verifier, view)
    expect(caller).toEqual({ principal: ada, roles: new Set(['admin']), expiresAt })
    expect(developmentRoleBindings.map(({ role }) => role)).toEqual(['admin', 'auditor'])
  })

  test.each([undefined, '', 'good', 'Basic good', 'Bearer', 'Bearer ', 'Bearer good good', 'Bearer good, Bearer good', 'Bearer gööd'])('is nobody with %p', async (authorization) => {
    expect(await refused(authorization)).toEqual([401, 'Bearer realm="sallyport"'])
  })

  test('is told why a token is not accepted, and never the token', async () => {
    expect(await refused('Bearer expired')).toEqual([401, 'Bearer realm="sallyport", error="invalid_token", error_description="expired"'])
    expect(await refused('Bearer bad-signature')).toEqual([401, 'Bearer realm="sallyport", error="invalid_token", error_description="bad-signature"'])
  })

  test('is not decided while it can\'t be', async () => {
    expect((await refused('Bearer unavailable'))[0]).toBe(503)
    const lost = await callerOf('Bearer good', verifier, () => { throw new RpcError('unavailable', 'directory: not verified') }).catch((thrown: unknown) => problemOf(thrown))
    expect(lost).toMatchObject({ status: 503 })
  })
})
