import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { managedBySchema, nameSchema } from '@sallyport/contracts/change'
import { HEARTBEAT_AGE_MAX_MS } from '@sallyport/contracts/policy'
import { RpcError } from '@sallyport/contracts/rpc'
import type { Bus } from '@sallyport/messaging'
import { aggregateTables, openDatabase, type AggregateTables, type Database } from '@sallyport/persistence'
import { freshBus, freshDatabase, waitFor } from '@sallyport/testing'
import { z } from 'zod'
import { configurationSet, configurationTables, type ConfigurationSet, type ConfigurationTables } from './index.js'

const schema = z.object({ name: nameSchema, managedBy: managedBySchema, version: z.number(), text: z.string() })
type Note = z.infer<typeof schema>
const heartbeat = 'sallyport.heartbeat.note'
const logger = { error: () => undefined, warn: () => undefined }

let database: Database<AggregateTables & ConfigurationTables>
let bus: Bus
let sets: ConfigurationSet<Note, number>[]

beforeAll(async () => {
  bus = await freshBus('notes')
  database = await openDatabase({ url: await freshDatabase(), schema: 'notes', migrations: { '0001': aggregateTables, '0002': configurationTables } })
  sets = ['one', 'two'].map((instance) => configurationSet<Note, number>({
    aggregate: 'note', schema, database, bus, logger, instance, heartbeat,
    // Only two notes may be in force at a time.
    validate: (documents) => (documents.length > 2 ? [{ message: 'two notes at most' }] : []),
    load: ({ documents }) => {
      if (documents.some(({ text }) => text === 'unloadable')) throw new Error('can\'t be loaded')
      return documents.length
    },
  }))
  for (const set of sets) await set.start()
})

afterAll(async () => {
  for (const set of sets) await set.stop()
  await database.close()
  await bus.close()
})

const codeOf = async (work: Promise<unknown>): Promise<string> => work.then(() => 'done', (error: unknown) => (error instanceof RpcError ? error.code : String(error)))
const note = (name: string, text = 'x') => ({ name, text, managedBy: 'api' as const })

test('replicas that change at the same time are put in line: the set\'s rule holds, and revisions are gap-free', async () => {
  const before = sets[0]!.current().revision
  const results = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((name, index) => codeOf(sets[index % 2]!.put(note(name), 'ada'))))
  expect(results.filter((result) => result === 'done')).toHaveLength(2)
  expect(results.filter((result) => result === 'invalid')).toHaveLength(4)
  await waitFor(() => sets.every((set) => set.current().revision === before + 2 && set.current().compiled === 2), { what: 'both replicas', timeoutMs: 1000 })
})

test('a staged change that no longer holds when it is activated is refused whole', async () => {
  for (const { name } of sets[0]!.current().documents) await sets[0]!.remove(name, 'api', 'ada')
  const stage = (change: string, ...names: string[]) => sets[1]!.stage({ change, managedBy: 'git', prune: true, actor: 'ada', documents: names.map((name) => ({ name, text: 'y' })) })
  expect((await stage('c1', 'g', 'h')).faults).toEqual([])
  await sets[0]!.put(note('a'), 'ada')
  expect(await codeOf(sets[0]!.activate('c1'))).toBe('conflict')
  expect(sets[0]!.current().documents.map(({ name }) => name)).toEqual(['a'])
  await sets[0]!.remove('a', 'api', 'ada')
  const { revision } = await sets[0]!.activate('c1')
  expect(await sets[1]!.activate('c1')).toEqual({ revision })
  expect(await codeOf(stage('c1', 'g'))).toBe('conflict')
})

test('before a change is answered, its replica decides by it and has told everybody', async () => {
  const heard: number[] = []
  const stop = bus.subscribe(heartbeat, (payload) => { heard.push(z.object({ revision: z.number() }).parse(payload).revision) })
  await bus.flush()
  const { revision } = await sets[0]!.put({ name: 'g', text: 'changed', managedBy: 'git' }, 'ada')
  expect(sets[0]!.current().revision).toBe(revision)
  await bus.flush()
  expect(heard).toContain(revision)
  await stop()
})

test('a process that was too busy to look for a second looks when it is asked, and is not without an answer', async () => {
  const until = performance.now() + HEARTBEAT_AGE_MAX_MS + 100
  while (performance.now() < until);
  expect(() => sets[0]!.current()).toThrow('can\'t be verified')
  expect((await sets[0]!.fresh()).documents).toEqual(sets[0]!.current().documents)
})

test('while a revision can\'t be loaded nobody speaks for it, and a change mends it', async () => {
  expect(await codeOf(sets[0]!.put({ name: 'g', text: 'unloadable', managedBy: 'git' }, 'ada'))).toBe('done')
  await waitFor(() => sets.every((set) => !set.verified()), { what: 'silence' })
  expect(() => sets[0]!.current()).toThrow('can\'t be verified')
  await expect(sets[0]!.fresh()).rejects.toThrow('can\'t be verified')
  await sets[1]!.put({ name: 'g', text: 'fine', managedBy: 'git' }, 'ada')
  await waitFor(() => sets.every((set) => set.verified()), { what: 'both replicas' })
})
