import { describe, expect, test } from '@jest/globals'
import { draftOf, type DirectoryDocument, type DirectoryKind } from './document.js'
import { validateDirectory, type Installation } from './validate.js'

const installation: Installation = { protocols: new Map([['postgres', { title: 'PostgreSQL', credentialKinds: ['password'] as const }]]), developmentIssuer: { name: 'development', url: 'http://127.0.0.1:7301', audience: 'sallyport', groupsClaim: 'groups', primary: true } }
const document = (kind: DirectoryKind, name: string, spec: object, line = 1): DirectoryDocument => ({ ...draftOf(kind, { name, spec, file: `${kind}.yaml`, line }), managedBy: 'git', version: 1 })
const orders = document('connection', 'orders', { protocol: 'postgres', target: { host: 'db', port: 5432, tls: 'require' }, credentials: { username: 'app', kind: 'password' }, options: {} })
const agent = (more: object = {}, name = 'coder') => document('agent', name, { issuer: 'development', subject: 'coder', owner: 'alice', connections: ['orders'], ...more })
const issuer = (name: string, url: string, primary: boolean) => document('issuer', name, { oidc: { url, audience: 'sallyport' }, groupsClaim: 'groups', primary })
const admins = document('role-binding', 'admins', { role: 'admin', groups: ['admins'] })
const faults = (...documents: DirectoryDocument[]) => validateDirectory(installation, documents, new Set(documents.map(({ name }) => name))).map(({ file, field }) => `${file}:${field}`)

describe('the directory holds when', () => {
  test('connections are of protocols that there are, at hosts', () => {
    expect(faults(orders)).toEqual([])
    const wrong = (spec: object) => faults(document('connection', 'wrong', { protocol: 'postgres', target: { host: 'db', port: 5432, tls: 'require' }, credentials: { username: 'app', kind: 'password' }, options: {}, ...spec }))
    expect(wrong({ protocol: 'gopher' })).toEqual(['connection.yaml:spec.protocol'])
    expect(wrong({ target: { host: 'http://db', port: 5432, tls: 'require' } })).toEqual(['connection.yaml:spec.target.host'])
    expect(wrong({ credentials: { username: 'app', kind: 'password', sealed: 'plain' } })).toEqual(['connection.yaml:spec.credentials.sealed'])
  })

  test('agents name connections and issuers that there are, and no two are the same subject', () => {
    expect(faults(orders, agent())).toEqual([])
    expect(faults(agent())).toEqual(['agent.yaml:spec.connections.0'])
    expect(faults(orders, agent({ issuer: 'corp' }))).toEqual(['agent.yaml:spec.issuer'])
    expect(faults(orders, agent(), agent({}, 'twin'))).toEqual(['agent.yaml:spec.subject'])
  })

  test('one issuer is primary, each has a URL of its own that is https, and somebody administers', () => {
    const corp = issuer('corp', 'https://idp.corp', true)
    expect(faults(corp, admins)).toEqual([])
    expect(faults(corp)).toEqual(['issuer.yaml:kind'])
    expect(faults(issuer('corp', 'https://idp.corp', false), admins)).toEqual(['issuer.yaml:spec.primary'])
    expect(faults(corp, issuer('other', 'https://idp.other', true), admins)).toEqual(['issuer.yaml:spec.primary'])
    expect(faults(corp, issuer('other', 'https://idp.corp', false), admins)).toEqual(['issuer.yaml:spec.oidc.url'])
    expect(faults(issuer('corp', 'http://idp.corp', true), admins)).toEqual(['issuer.yaml:spec.oidc.url'])
    expect(faults(issuer('corp', 'http://127.0.0.1:9000', true), admins)).toEqual([])
  })

  test('agents of the development issuer move on with the first issuer of one\'s own', () => {
    expect(faults(orders, agent(), issuer('corp', 'https://idp.corp', true), admins)).toEqual(['agent.yaml:spec.issuer'])
  })
})
