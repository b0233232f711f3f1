import type pg from 'pg'
import { projectionNames, projectionTables } from '../schema/projection-tables.js'
import { projectStored, readCheckpoint, type Projector } from './projector.js'
import type { Checkpoint } from './write-changeset.js'

/** So near to the projections in use that the rest is done while those stand still. */
const NEAR_EVENTS = 5_000
const SWAP_ATTEMPTS = 5
const DEADLOCK = '40P01'
const LOCK_TIMEOUT = '55P03'

const next: Checkpoint = { name: 'next', suffix: '_next' }

const transaction = async (pool: pg.Pool, statements: readonly string[]): Promise<void> => {
  const client = await pool.connect()
  try {
    await client.query('begin')
    await client.query('set local lock_timeout = 2000')
    for (const statement of statements) await client.query(statement)
    await client.query('commit')
    client.release()
  } catch (error) {
    client.release(true)
    throw error
  }
}

const dropNext = [...projectionNames.map((name) => `drop table if exists ${name}_next`), 'delete from projection_checkpoints where name = \'next\'']

const swap = [
  ...projectionNames.map((name) => `drop table ${name}`),
  ...projectionNames.map((name) => `alter table ${name}_next rename to ${name}`),
  'update projection_checkpoints set position = (select position from projection_checkpoints where name = \'next\') where name = \'current\'',
  'delete from projection_checkpoints where name = \'next\'',
]

/** Queries that read several tables may hold one and wait for another: then the server ends one of us, and it is tried again. */
const swapTables = async (pool: pg.Pool, attempt = 1): Promise<void> => {
  try {
    await transaction(pool, swap)
  } catch (error) {
    const code = (error as { code?: string }).code
    if ((code !== DEADLOCK && code !== LOCK_TIMEOUT) || attempt === SWAP_ATTEMPTS) throw error
    await swapTables(pool, attempt + 1)
  }
}

/** Clears away what an unfinished rebuild left. */
export const forgetRebuild = (pool: pg.Pool): Promise<void> => transaction(pool, dropNext)

/**
 * Builds every projection anew beside the ones in use, which go on meanwhile, and swaps them. Throws on abort or a failing
 * database; the projections in use are then as they were.
 */
export const rebuild = async (pool: pg.Pool, projector: Projector, signal: AbortSignal): Promise<void> => {
  await transaction(pool, [...dropNext, ...projectionTables('_next'), 'insert into projection_checkpoints values (\'next\', 0)'])
  let position = 0
  while (position + NEAR_EVENTS < await readCheckpoint(pool, 'current')) {
    signal.throwIfAborted()
    position = (await projectStored(pool, next, position)).position
  }
  await projector.pause(async () => {
    const goal = await readCheckpoint(pool, 'current')
    while (position < goal) {
      signal.throwIfAborted()
      position = (await projectStored(pool, next, position, goal)).position
    }
    await swapTables(pool)
  })
}
