import { posix } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { normalisedPath, resolvePath, type Looked } from './paths.js'

/** A file system of links; everything in `files` is there and no link. */
const lookIn = (links: Readonly<Record<string, string>>, files: readonly string[] = []) => (path: string): Promise<Looked> => {
  const target = links[path]
  if (target !== undefined) return Promise.resolve({ kind: 'link', target })
  return Promise.resolve({ kind: [...files, ...Object.keys(links)].some((file) => file === path || file.startsWith(`${path}/`)) ? 'other' : 'missing' })
}

const component = fc.constantFrom('a', 'b', 'c', '.', '..', '')
const spelt = fc.array(component, { maxLength: 12 }).map((parts) => parts.join('/'))

describe('paths', () => {
  test('without links are what POSIX makes of them', async () => {
    await fc.assert(fc.asyncProperty(spelt, async (given) => {
      const expected = posix.resolve('/home/me', given)
      expect(normalisedPath('/home/me', given)).toBe(expected)
      expect(await resolvePath(lookIn({}), '/home/me', given, 'followed')).toEqual({ kind: 'path', path: expected })
    }))
  })

  test('with links, whatever they are: an answer without dots or links, or none', async () => {
    const names = fc.constantFrom('/a', '/b', '/a/b', '/a/c', '/b/a', '/c')
    await fc.assert(fc.asyncProperty(fc.dictionary(names, spelt.filter((target) => target !== '')), spelt, async (links, given) => {
      const resolved = await resolvePath(lookIn(links), '/', given, 'followed')
      if (resolved.kind === 'unresolvable') return
      expect(resolved.path).toBe(posix.normalize(resolved.path))
      for (let path = resolved.path; path !== '/'; path = posix.dirname(path)) expect(links[path]).toBeUndefined()
    }))
  })

  test.each([
    ['a link', '/dir/link', '/secret'],
    ['a relative link', '/dir/relative', '/secret'],
    ['a link to a link', '/chain', '/secret'],
    ['a directory that is a link', '/into/link', '/secret'],
    ['the parent of where a link leads, not of the link', '/deep/../x', '/one/x'],
    ['a dangling link', '/dangling', '/nowhere/new'],
    ['what is missing stays', '/dir/new/file', '/dir/new/file'],
  ])('%s', async (_what, given, path) => {
    const look = lookIn({ '/dir/link': '/secret', '/dir/relative': '../secret', '/chain': 'dir/relative', '/into': 'dir', '/deep': '/one/two', '/dangling': '/nowhere/new' }, ['/secret', '/one/two/three'])
    expect(await resolvePath(look, '/', given, 'followed')).toEqual({ kind: 'path', path })
  })

  test('the link itself, where that is meant', async () => {
    expect(await resolvePath(lookIn({ '/dir': '/other', '/other/link': '/secret' }), '/', '/dir/link', 'itself')).toEqual({ kind: 'path', path: '/other/link' })
  })

  test('links in a circle, and what the target doesn\'t show, lead nowhere', async () => {
    expect(await resolvePath(lookIn({ '/a': '/b', '/b': '/a' }), '/', '/a', 'followed')).toMatchObject({ kind: 'unresolvable' })
    expect(await resolvePath(() => Promise.resolve({ kind: 'unknown', status: 3 }), '/', '/a', 'followed')).toEqual({ kind: 'unresolvable', path: '/a', status: 3 })
    expect(await resolvePath(lookIn({}), '/', 'a/'.repeat(600), 'followed')).toMatchObject({ kind: 'unresolvable' })
  })
})
