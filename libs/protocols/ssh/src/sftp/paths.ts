import { transferLimits } from './limits.js'
import { statuses } from './packets.js'

/** What the target says of a path itself, not of what a link leads to. */
export type Looked =
  | { readonly kind: 'link'; readonly target: string }
  | { readonly kind: 'other' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'unknown'; readonly status: number }

export type Look = (path: string) => Promise<Looked>

/** `unresolvable`: the target doesn't let us see where it leads; `status` is what it said. */
export type Resolved =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'unresolvable'; readonly path: string; readonly status: number }

const componentsOf = (path: string): string[] => path.split('/').filter((name) => name !== '' && name !== '.')

const joined = (components: readonly string[]): string => `/${components.join('/')}`

/** Normalised without asking anybody; never above the root. */
export const normalisedPath = (home: string, given: string): string => {
  const done: string[] = []
  for (const name of componentsOf(given.startsWith('/') ? given : `${home}/${given}`)) {
    if (name === '..') done.pop()
    else done.push(name)
  }
  return joined(done)
}

/**
 * Where a path leads on the target: absolute, without `.`, `..` and links. With `last: 'itself'` a link at its end stays (it is what is
 * removed or renamed). What is missing stays as written. Asks for all components at once, and again for each link on the way.
 */
export const resolvePath = async (look: Look, home: string, given: string, last: 'followed' | 'itself'): Promise<Resolved> => {
  const unresolvable = (status: number): Resolved => ({ kind: 'unresolvable', path: normalisedPath(home, given), status })
  let todo = componentsOf(given.startsWith('/') ? given : `${home}/${given}`)
  let done: string[] = []
  let links = 0
  while (todo.length > 0) {
    if (todo.length + done.length > transferLimits.componentsMax) return unresolvable(statuses.failure)
    if (todo[0] === '..') {
      done.pop()
      todo = todo.slice(1)
      continue
    }
    const parent = todo.indexOf('..')
    const run = parent < 0 ? todo : todo.slice(0, parent)
    const asked = last === 'itself' && parent < 0 ? run.length - 1 : run.length
    const base = done
    const seen = await Promise.all(run.slice(0, asked).map((_name, index) => look(joined([...base, ...run.slice(0, index + 1)]))))
    const stop = seen.findIndex(({ kind }) => kind !== 'other')
    const found = seen[stop]
    if (found?.kind === 'unknown') return unresolvable(found.status)
    if (found?.kind !== 'link') {
      done = [...done, ...run]
      todo = todo.slice(run.length)
      continue
    }
    links += 1
    if (links > transferLimits.linksMax) return unresolvable(statuses.failure)
    done = found.target.startsWith('/') ? [] : [...done, ...run.slice(0, stop)]
    todo = [...componentsOf(found.target), ...todo.slice(stop + 1)]
  }
  return { kind: 'path', path: joined(done) }
}
