import { expect, test } from '@jest/globals'
import { credentialEventTypes } from '@sallyport/contracts/directory'
import type { Principal } from '@sallyport/contracts/identity'
import { decideIssue, decideRevoke, evolve, stillNamed, TTL_MAX_S } from './decide.js'

const principal: Principal = { kind: 'user', issuer: 'corp', subject: 'alice', uid: 'alice', groups: [], chain: [] }
const now = new Date('2026-11-22T10:00:00.000Z')
const hours = (count: number): Date => new Date(now.getTime() + count * 3_600_000)
const issue = (ttlSeconds: number | undefined, tokenExpiresAt: Date) => decideIssue({ id: 'cred_1', principal, connection: 'orders', ttlSeconds, tokenExpiresAt, now })

test('a credential lives an hour unless asked otherwise, never longer than its token or twelve hours', () => {
  expect(issue(undefined, hours(24)).data.expiresAt).toBe(hours(1).toISOString())
  expect(issue(600, hours(24)).data.expiresAt).toBe('2026-11-22T10:10:00.000Z')
  expect(issue(TTL_MAX_S * 2, hours(24)).data.expiresAt).toBe(hours(12).toISOString())
  expect(issue(7200, hours(0.5)).data.expiresAt).toBe(hours(0.5).toISOString())
  expect(() => issue(600, now)).toThrow(expect.objectContaining({ code: 'forbidden' }))
})

test('a credential is revoked once, and after it has expired not at all', () => {
  const issued = evolve(undefined, issue(600, hours(24)))!
  const revoked = decideRevoke(issued, { id: 'cred_1', now })
  expect(revoked).toEqual([{ type: credentialEventTypes.revoked, data: { credential: 'cred_1' } }])
  expect(decideRevoke(evolve(issued, revoked[0]!), { id: 'cred_1', now })).toEqual([])
  expect(decideRevoke(issued, { id: 'cred_1', now: hours(1) })).toEqual([])
  expect(() => decideRevoke(undefined, { id: 'cred_1', now })).toThrow(expect.objectContaining({ code: 'not-found' }))
})

test('a credential is worth nothing once its issuer is not trusted, or another one is primary and its name means somebody else', () => {
  const issuer = (name: string, primary: boolean) => ({ name, url: `https://${name}`, audience: 'sallyport', groupsClaim: 'groups', primary })
  expect(stillNamed(principal, [issuer('corp', true), issuer('partner', false)])).toBe(true)
  expect(stillNamed(principal, [issuer('corp', false), issuer('partner', true)])).toBe(false)
  expect(stillNamed(principal, [issuer('partner', true)])).toBe(false)
  const other = { ...principal, issuer: 'partner', uid: 'partner/alice' }
  expect(stillNamed(other, [issuer('corp', true), issuer('partner', false)])).toBe(true)
  expect(stillNamed({ ...principal, chain: [other] }, [issuer('corp', true), issuer('partner', false)])).toBe(true)
  expect(stillNamed({ ...principal, chain: [other] }, [issuer('corp', true)])).toBe(false)
})
