import { expect, test } from '@jest/globals'
import type { Principal } from '@sallyport/contracts/identity'
import { credentialDigest, developmentRoleBindings, isSessionCredential, newSessionCredential, rolesOf } from './index.js'

const ada: Principal = { kind: 'user', issuer: 'development', subject: 'ada', uid: 'ada', groups: ['admins', 'auditors'], chain: [] }

test('roles come from groups, to people only, and to those only who act for themselves', () => {
  expect([...rolesOf(ada, developmentRoleBindings)]).toEqual(['admin', 'auditor'])
  expect([...rolesOf({ ...ada, groups: ['corp/admins', 'Admins'] }, developmentRoleBindings)]).toEqual([])
  expect([...rolesOf({ ...ada, kind: 'agent' }, developmentRoleBindings)]).toEqual([])
  expect([...rolesOf({ ...ada, chain: [ada] }, developmentRoleBindings)]).toEqual([])
})

test('a session credential is random, has its form, and is known by its digest', () => {
  const [one, two] = [newSessionCredential(), newSessionCredential()]
  expect(isSessionCredential(one)).toBe(true)
  expect(one).not.toBe(two)
  expect(isSessionCredential(`${one}a`)).toBe(false)
  expect(isSessionCredential('spc_')).toBe(false)
  expect(credentialDigest(one)).toMatch(/^[0-9a-f]{64}$/)
})
