import { page } from '@sallyport/contracts/rpc'
import { z } from 'zod'
import { Problem } from '../http/problem.js'

/** Query parameters come as text. */
export const limitSchema = z.coerce.number().int().min(1).max(1000).optional()
export const pageQuery = z.object({ limit: limitSchema, cursor: page.cursor }).strict()

const LIMIT_DEFAULT = 100

/** One page of what is all in memory, by name; the cursor is the last name of the page before. */
export const pageByName = <T extends { readonly name: string }>(items: Iterable<T>, query: z.output<typeof pageQuery>): { items: T[]; next: string | null } => {
  const limit = query.limit ?? LIMIT_DEFAULT
  const after = query.cursor === undefined ? '' : decodeCursor(query.cursor)
  const rest = [...items].filter(({ name }) => name > after).sort((a, b) => (a.name < b.name ? -1 : 1))
  const shown = rest.slice(0, limit)
  return { items: shown, next: rest.length > limit ? Buffer.from(shown.at(-1)!.name).toString('base64url') : null }
}

const decodeCursor = (cursor: string): string => {
  const name = Buffer.from(cursor, 'base64url').toString('utf8')
  if (!/^[a-z0-9-]{1,63}$/.test(name)) throw new Problem('malformed', 'cursor: not one that a list has answered')
  return name
}

export const found = <T>(value: T | undefined, what: string): T => {
  if (value === undefined) throw new Problem('not-found', `There is no ${what}.`)
  return value
}
