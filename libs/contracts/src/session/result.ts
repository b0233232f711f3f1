import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { z } from 'zod'

/** What was delivered, masked, as text rows. `truncated`: there was more, or it could not be kept. */
export const deliveredResultSchema = z.object({ columns: z.array(z.string()), rows: z.array(z.array(z.string().nullable())), truncated: z.boolean() })
export type DeliveredResult = z.infer<typeof deliveredResultSchema>

/** A result's JSON text at most, in bytes of UTF-8: what inflates to more was not written by a proxy. */
export const RESULT_BYTES_MAX = 256 * 1024
/** Shorter texts gain nothing. */
const DEFLATED_CHARS_MIN = 1024

interface Kept {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly (string | null)[])[]
  readonly truncated: boolean
}

const NOTHING_KEPT: DeliveredResult = { columns: [], rows: [], truncated: true }

/** The member of a finish that holds this result: as it is where it is short, else deflated; without its rows where it is too large. */
export const resultMember = (result: Kept): { readonly result: Kept } | { readonly resultDeflated: string } => {
  const text = JSON.stringify(result)
  if (text.length < DEFLATED_CHARS_MIN) return { result }
  if (Buffer.byteLength(text) > RESULT_BYTES_MAX) return { result: NOTHING_KEPT }
  // The fastest level: the rows of one table share most of their text.
  return { resultDeflated: deflateRawSync(text, { level: 1 }).toString('base64') }
}

const inflated = (deflated: string): DeliveredResult | undefined => {
  let value: unknown
  try {
    value = JSON.parse(inflateRawSync(Buffer.from(deflated, 'base64'), { maxOutputLength: RESULT_BYTES_MAX }).toString('utf8'))
  } catch {
    return undefined
  }
  const result = deliveredResultSchema.safeParse(value)
  return result.success ? result.data : undefined
}

/**
 * A finish with its result to be read, whichever way the event carries it. Never throws: what no proxy wrote (not deflated, not a
 * result, or longer than {@link RESULT_BYTES_MAX}) shows as a result of which nothing was kept.
 */
export const withResult = <F extends { readonly resultDeflated?: string | undefined }>({ resultDeflated, ...finish }: F): Omit<F, 'resultDeflated'> & { result?: DeliveredResult } =>
  resultDeflated === undefined ? finish : { ...finish, result: inflated(resultDeflated) ?? NOTHING_KEPT }
