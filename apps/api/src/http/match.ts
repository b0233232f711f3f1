import type { Route } from './route.js'

export type Match =
  | { readonly kind: 'route'; readonly route: Route; readonly params: Readonly<Record<string, string>> }
  | { readonly kind: 'method-not-allowed'; readonly allowed: readonly string[] }
  | { readonly kind: 'not-found' }

const SEGMENT_CHARS_MAX = 256

/** Finds the route of a path. Fixed segments win over parameters; HEAD is not served. */
export const matchRoute = (routes: readonly Route[], method: string, path: string): Match => {
  const segments = path.split('/')
  const allowed = new Set<string>()
  let found: { route: Route; params: Record<string, string>; fixed: number } | undefined
  for (const route of routes) {
    const hit = paramsOf(route.path.split('/'), segments)
    if (hit === undefined) continue
    if (route.method !== method) allowed.add(route.method)
    else if (found === undefined || hit.fixed > found.fixed) found = { route, ...hit }
  }
  if (found !== undefined) return { kind: 'route', route: found.route, params: found.params }
  return allowed.size > 0 ? { kind: 'method-not-allowed', allowed: [...allowed].sort() } : { kind: 'not-found' }
}

const paramsOf = (pattern: readonly string[], segments: readonly string[]): { params: Record<string, string>; fixed: number } | undefined => {
  if (pattern.length !== segments.length) return undefined
  const params: Record<string, string> = {}
  let fixed = 0
  for (const [index, part] of pattern.entries()) {
    const segment = segments[index]!
    if (!part.startsWith('{')) {
      if (part !== segment) return undefined
      fixed += 1
      continue
    }
    const value = decoded(segment)
    if (value === undefined) return undefined
    params[part.slice(1, -1)] = value
  }
  return { params, fixed }
}

const decoded = (segment: string): string | undefined => {
  try {
    const value = decodeURIComponent(segment)
    return value === '' || value.length > SEGMENT_CHARS_MAX || value.includes('\0') ? undefined : value
  } catch {
    return undefined
  }
}
