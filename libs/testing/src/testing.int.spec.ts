import { describe, expect, it } from '@jest/globals'
import pg from 'pg'
import { freshBus, freshDatabase, testNats, testPostgres, waitFor } from './index.js'

describe('test servers', () => {
  it('are started once, and every database on them is an empty one', async () => {
    expect(await testPostgres()).toEqual(await testPostgres())
    const [one, two] = [await freshDatabase(), await freshDatabase()]
    expect(one).not.toBe(two)
    const client = new pg.Client({ connectionString: one })
    await client.connect()
    const tables = await client.query(`select count(*)::int as count from pg_class where relnamespace = 'public'::regnamespace`)
    await client.end()
    expect(tables.rows).toEqual([{ count: 0 }])
  })

  it('carry messages', async () => {
    expect(await testNats()).toEqual(await testNats())
    const [from, to] = [await freshBus('from'), await freshBus('to')]
    const heard: unknown[] = []
    to.subscribe('sallyport.test.carry', (payload) => void heard.push(payload))
    await to.flush()
    from.publish('sallyport.test.carry', { n: 1 })
    await waitFor(() => heard.length > 0)
    expect(heard).toEqual([{ n: 1 }])
    await from.close()
    await to.close()
  })
})

describe('waitFor', () => {
  it('gives up with the last error', async () => {
    await expect(waitFor(() => { throw new Error('not yet') }, { timeoutMs: 20, what: 'it' })).rejects.toThrow('it did not come true within 20 ms: Error: not yet')
  })
})
