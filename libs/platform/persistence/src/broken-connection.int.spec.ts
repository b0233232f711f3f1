import { expect, test } from '@jest/globals'
import { freshDatabase } from '@sallyport/testing'
import { openDatabase } from './database.js'

test('a connection that breaks while it is taken but runs nothing is reported, and ends nothing else', async () => {
  const reported: Error[] = []
  const database = await openDatabase({ url: await freshDatabase(), schema: 'broken', migrations: {}, onError: (error) => void reported.push(error) })
  const taken = await database.pool.connect()
  const { rows } = await taken.query<{ pid: number }>('select pg_backend_pid() as pid')
  await new Promise<void>((resolve) => {
    taken.once('end', () => resolve())
    void database.pool.query('select pg_terminate_backend($1)', [rows[0]?.pid])
  })
  expect(reported[0]?.message).toContain('terminating connection')
  taken.release(true)
  expect(await database.healthy()).toBe(true)
  await database.close()
})
