import { randomBytes } from 'node:crypto'
import type { Kysely } from 'kysely'
import type { KeyTables } from './tables.js'

const KEY_BYTES = 32

/** The key in use, as base64; made by whichever replica asks first, and the same for all. */
export const hashKeyInUse = async (db: Kysely<KeyTables>): Promise<string> => {
  await db.insertInto('keys').values({ version: 1, key: randomBytes(KEY_BYTES), made_at: new Date() }).onConflict((conflict) => conflict.doNothing()).execute()
  const { key } = await db.selectFrom('keys').select('key').orderBy('version', 'desc').limit(1).executeTakeFirstOrThrow()
  return key.toString('base64')
}
