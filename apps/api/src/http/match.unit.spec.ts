import { describe, expect, test } from '@jest/globals'
import { matchRoute } from './match.js'
import { route } from './route.js'

const of = (method: 'GET' | 'POST' | 'DELETE', path: string) => route({ method, path, access: 'admin' as never, summary: path, handle: () => ({}) })
const routes = [of('GET', '/v1/things'), of('GET', '/v1/things/{id}'), of('DELETE', '/v1/things/{id}'), of('GET', '/v1/things/best'), of('POST', '/v1/things/{id}/open')]
const hit = (method: string, path: string): unknown => {
  const match = matchRoute(routes, method, path)
  return match.kind === 'route' ? [match.route.path, match.params] : match
}

describe('a path', () => {
  test('finds its route, with its parameters decoded once', () => {
    expect(hit('GET', '/v1/things')).toEqual(['/v1/things', {}])
    expect(hit('GET', '/v1/things/a%20b')).toEqual(['/v1/things/{id}', { id: 'a b' }])
    expect(hit('GET', '/v1/things/a%252Fb')).toEqual(['/v1/things/{id}', { id: 'a%2Fb' }])
    expect(hit('POST', '/v1/things/7/open')).toEqual(['/v1/things/{id}/open', { id: '7' }])
  })

  test('prefers what is fixed, whatever the order', () => {
    expect(hit('GET', '/v1/things/best')).toEqual(['/v1/things/best', {}])
    expect(hit('DELETE', '/v1/things/best')).toEqual(['/v1/things/{id}', { id: 'best' }])
  })

  test('says which methods there are', () => {
    expect(hit('PATCH', '/v1/things/7')).toEqual({ kind: 'method-not-allowed', allowed: ['DELETE', 'GET'] })
    expect(hit('HEAD', '/v1/things')).toEqual({ kind: 'method-not-allowed', allowed: ['GET'] })
    expect(hit('get', '/v1/things')).toEqual({ kind: 'method-not-allowed', allowed: ['GET'] })
  })

  test.each(['/', '', '/v1', '/v1/things/', '/v1//things', '/V1/things', '/v1/things/7/', '/v1/things/7/open/8', '/v1/things/%00', '/v1/things/%', '/v1/things/%ff', `/v1/things/${'x'.repeat(257)}`])('%p leads nowhere', (path) => {
    expect(matchRoute(routes, 'GET', path)).toEqual({ kind: 'not-found' })
  })
})
