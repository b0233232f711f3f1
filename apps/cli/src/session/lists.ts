import type { Api } from './api.js'

export interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

const PAGE_MAX = 1000

/** The first `limit` items of a list, over as many pages as that takes. Undefined parameters are left out. */
export const list = async <T>(api: Api, path: string, query: Readonly<Record<string, string | undefined>>, limit: number): Promise<Page<T>> => {
  const items: T[] = []
  let cursor: string | null = null
  do {
    const parameters = new URLSearchParams({ limit: String(Math.min(limit - items.length, PAGE_MAX)), ...(cursor === null ? {} : { cursor }) })
    for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, value)
    const page: Page<T> = await api.get(`${path}?${parameters}`)
    items.push(...page.items)
    cursor = page.next
  } while (cursor !== null && items.length < limit)
  return { items, next: cursor }
}
