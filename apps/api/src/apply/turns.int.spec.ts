import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openDatabase, type Database } from '@sallyport/persistence'
import { freshDatabase, waitFor } from '@sallyport/testing'
import { migrations, type Tables } from '../tables.js'
import { makeTurns } from './turns.js'

let url: string
const open = (): Promise<Database<Tables>> => openDatabase<Tables>({ url, schema: 'api', migrations })
/** Two replicas. */
let one: Database<Tables>
let other: Database<Tables>
beforeAll(async () => {
  url = await freshDatabase()
  one = await open()
  other = await open()
})
afterAll(async () => {
  await one.close()
  await other.close()
})

const waiting = async (): Promise<number> => {
  const { rows } = await one.pool.query<{ n: number }>('select count(*)::int as n from pg_locks where locktype = \'advisory\' and not granted and database = (select oid from pg_database where datname = current_database())')
  return rows[0]!.n
}

/** A change that is under way until `end`. */
const held = async (take: (work: () => Promise<void>) => Promise<void>): Promise<{ readonly done: Promise<void>; readonly end: () => void }> => {
  let end: () => void = () => undefined
  let done: Promise<void> = Promise.resolve()
  await new Promise<void>((began) => {
    done = take(() => new Promise<void>((resolve) => { end = resolve; began() }))
  })
  return { done, end }
}

test('changes wait for each other, within a replica and between two', async () => {
  const [turns, others] = [makeTurns(one), makeTurns(other)]
  const order: string[] = []
  const first = await held((work) => turns.take(work))
  const rest = [turns.take(async () => void order.push('same replica')), others.take(async () => void order.push('other replica'))]
  await waitFor(async () => (await waiting()) === 1)
  expect(order).toEqual([])
  first.end()
  await Promise.all([first.done, ...rest])
  expect([...order].sort()).toEqual(['other replica', 'same replica'])
})

test('one that fails lets the next one go, and one that has to wait too long is told so', async () => {
  const [turns, others] = [makeTurns(one), makeTurns(other, 50)]
  await expect(turns.take(() => Promise.reject(new Error('failed')))).rejects.toThrow('failed')
  const long = await held((work) => turns.take(work))
  await expect(others.take(() => Promise.resolve())).rejects.toMatchObject({ code: 'conflict' })
  long.end()
  await long.done
  await expect(others.take(() => Promise.resolve('done'))).resolves.toBe('done')
})
