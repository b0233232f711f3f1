import { createHash } from 'node:crypto'
import { sql, type Kysely } from 'kysely'
import type { Tables } from '../tables.js'
import { Problem } from './problem.js'
import type { Repeats } from './route.js'

const KEY_FORM = /^[\x21-\x7e]{1,255}$/

/** An answer as it is kept: `body` is JSON text, null for none. */
export interface Replied {
  readonly status: number
  readonly body: string | null
}

export interface KeyedRequest {
  readonly uid: string
  readonly key: string
  readonly method: string
  readonly path: string
  readonly bytes: Uint8Array
}

/**
 * Runs a request at most once for each key of each principal, and answers its repetition as it was answered; for 24 hours. Answers that
 * are shown `once` are not kept. Throws Problem `conflict` for another request under the same key, or while the first one runs.
 */
export const onceByKey = async (db: Kysely<Tables>, request: KeyedRequest, repeats: Repeats, work: () => Promise<Replied>): Promise<Replied> => {
  const { uid, key } = request
  if (!KEY_FORM.test(key)) throw new Problem('malformed', 'Idempotency-Key: 1 to 255 printable ASCII characters')
  const digest = createHash('sha256').update(`${request.method} ${request.path}\n`).update(request.bytes).digest('hex')
  const known = await claim(db, uid, key, digest)
  if (known !== undefined) return repeated(known, digest)
  try {
    const replied = await work()
    await db.updateTable('idempotency_keys').set(repeats === 'once' ? { status: replied.status, body: null, shown_once: true } : { ...replied }).where('uid', '=', uid).where('key', '=', key).execute()
    return replied
  } catch (error) {
    // It was refused, or nothing is known to have happened: it may be tried again under the same key.
    await db.deleteFrom('idempotency_keys').where('uid', '=', uid).where('key', '=', key).where('status', 'is', null).execute()
    throw error
  }
}

interface Known { readonly digest: string; readonly status: number | null; readonly body: string | null; readonly shown_once: boolean }

const claim = async (db: Kysely<Tables>, uid: string, key: string, digest: string): Promise<Known | undefined> => {
  await db.deleteFrom('idempotency_keys').where('made_at', '<', sql<Date>`now() - interval '24 hours'`).execute()
  const inserted = await db.insertInto('idempotency_keys').values({ uid, key, digest, status: null, body: null }).onConflict((conflict) => conflict.doNothing()).returning('key').executeTakeFirst()
  if (inserted !== undefined) return undefined
  const known = await db.selectFrom('idempotency_keys').select(['digest', 'status', 'body', 'shown_once']).where('uid', '=', uid).where('key', '=', key).executeTakeFirst()
  if (known === undefined) throw new Problem('conflict', 'the request with this Idempotency-Key has just failed: send it again')
  return known
}

const repeated = (known: Known, digest: string): Replied => {
  if (known.digest !== digest) throw new Problem('conflict', 'this Idempotency-Key was used for another request')
  if (known.status === null) throw new Problem('conflict', 'the request with this Idempotency-Key is not answered yet')
  if (known.shown_once) throw new Problem('conflict', 'the request with this Idempotency-Key was answered, and what it answered is shown only once')
  return { status: known.status, body: known.body }
}
