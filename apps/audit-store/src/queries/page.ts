import { RpcError } from '@sallyport/contracts/rpc'

const LIMIT_DEFAULT = 100
/** Answers stay under the bus's limit for one message (1 MiB). */
const PAGE_BYTES_MAX = 640 * 1024

export const limitOf = (request: { readonly limit?: number | undefined }): number => request.limit ?? LIMIT_DEFAULT

export const encodeCursor = (value: number): string => Buffer.from(String(value)).toString('base64url')

/** Throws RpcError `invalid` for anything that {@link encodeCursor} didn't make. */
export const decodeCursor = (cursor: string): number => {
  const text = Buffer.from(cursor, 'base64url').toString('latin1')
  if (!/^\d{1,15}$/.test(text)) throw new RpcError('invalid', 'this cursor was not made by this service')
  return Number(text)
}

/** A LIKE pattern for texts that contain `text`, whatever signs it holds. */
export const containing = (text: string): string => `%${text.replaceAll(/[\\%_]/g, String.raw`\$&`).replaceAll('\u0000', '\u2400')}%`

/** The page of `rows` (one more than the limit was read, when there is one), cut where the answer would become too long. */
export const pageOf = <R, T>(rows: readonly R[], limit: number, keyOf: (row: R) => number, view: (row: R) => T): { items: T[]; next: string | null } => {
  const items: T[] = []
  let bytes = 0
  for (const row of rows.slice(0, limit)) {
    const item = view(row)
    bytes += Buffer.byteLength(JSON.stringify(item))
    if (items.length > 0 && bytes > PAGE_BYTES_MAX) break
    items.push(item)
  }
  const last = rows[items.length - 1]
  return { items, next: last !== undefined && rows.length > items.length ? encodeCursor(keyOf(last)) : null }
}
