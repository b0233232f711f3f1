import { describe, expect, test } from '@jest/globals'
import { managedBySchema, nameSchema, type Fault } from '@sallyport/contracts/change'
import { RpcError } from '@sallyport/contracts/rpc'
import type { StoredEvent } from '@sallyport/persistence'
import { z } from 'zod'
import { decideChange, decidePut, decideRemove } from './decide.js'
import { documentsOf, evolve, fold, type DocumentEvent, type State } from './document.js'

const schema = z.object({ name: nameSchema, managedBy: managedBySchema, version: z.number(), text: z.string(), file: z.string().optional(), line: z.number().optional() })
type Note = z.infer<typeof schema>
const draft = (name: string, text: string, managedBy: Note['managedBy'] = 'git') => ({ name, text, managedBy })
const stateOf = (...events: DocumentEvent<Note>[]): State<Note> => events.reduce((state, event) => evolve(state, event), new Map() as State<Note>)
const put = (name: string, text: string, managedBy: Note['managedBy'] = 'git'): DocumentEvent<Note> => ({ kind: 'put', document: draft(name, text, managedBy) })

/** Texts must not say "bad", and there may be one "only" at most. */
const validate = (documents: readonly Note[], changed: ReadonlySet<string>): Fault[] => [
  ...documents.filter(({ name, text }) => changed.has(name) && text === 'bad').map(({ name }) => ({ message: `${name} is bad` })),
  ...(documents.filter(({ text }) => text === 'only').length > 1 ? [{ message: 'only one "only"' }] : []),
]
const codeOf = async (work: Promise<unknown>): Promise<string | undefined> => work.then(() => undefined, (error: unknown) => (error instanceof RpcError ? error.code : String(error)))

describe('put', () => {
  const state = stateOf(put('a', 'one'), put('b', 'only', 'api'))
  test('a new or different document is an event, an equal one is none, wherever it was written', async () => {
    expect(await decidePut('note', state, draft('c', 'x'), validate)).toEqual([put('c', 'x')])
    expect(await decidePut('note', state, draft('a', 'two'), validate)).toEqual([put('a', 'two')])
    expect(await decidePut('note', state, { ...draft('a', 'one'), file: 'moved.yaml', line: 9 }, validate)).toEqual([])
  })

  test.each([
    ['conflict', draft('a', 'two', 'api')],
    ['conflict', draft('b', 'two', 'git')],
    ['invalid', draft('c', 'bad')],
    ['invalid', draft('c', 'only')],
    ['invalid', draft('c', 'nul\0')],
  ])('%s for %j', async (code, document) => {
    expect(await codeOf(decidePut('note', state, document, validate))).toBe(code)
  })
})

test('remove: by whom it is managed only, and once', async () => {
  const state = stateOf(put('a', 'one'))
  expect(await decideRemove('note', state, 'a', 'git', validate)).toEqual([{ kind: 'removed', name: 'a' }])
  expect(await codeOf(decideRemove('note', state, 'a', 'api', validate))).toBe('conflict')
  expect(await codeOf(decideRemove('note', stateOf(put('a', 'one'), { kind: 'removed', name: 'a' }), 'a', 'git', validate))).toBe('not-found')
})

describe('a staged change', () => {
  const state = stateOf(put('a', 'one'), put('b', 'two'), put('mine', 'x', 'api'))
  const notes = (...texts: [string, string][]) => texts.map(([name, text], index) => ({ name, text, file: 'n.yaml', line: index + 1 }))

  test('creates, updates, leaves alone, and prunes only its own', async () => {
    const decision = await decideChange('note', state, { managedBy: 'git', prune: true, documents: notes(['a', 'one'], ['c', 'new']) }, validate)
    expect(decision.differences).toEqual([{ kind: 'note', name: 'a', change: 'none' }, { kind: 'note', name: 'c', change: 'create' }, { kind: 'note', name: 'b', change: 'delete' }])
    expect(decision.events.map((event) => event.kind)).toEqual(['put', 'removed'])
    expect((await decideChange('note', state, { managedBy: 'git', prune: false, documents: [] }, validate)).events).toEqual([])
  })

  test('everything wrong with it is a fault with its place', async () => {
    const { faults, events } = await decideChange('note', state, { managedBy: 'git', prune: true, documents: notes(['a', 'x'], ['a', 'y'], ['mine', 'z'], ['d', '\0']) }, validate)
    expect(faults.map(({ file, line }) => [file, line])).toEqual([['n.yaml', 2], ['n.yaml', 3], ['n.yaml', 4]])
    expect(events).toEqual([])
    expect((await decideChange('note', state, { managedBy: 'git', prune: true, documents: notes(['a', 'bad']) }, validate)).faults).toEqual([{ message: 'a is bad' }])
  })

  test('is judged as a whole: what it removes makes room', async () => {
    const before = stateOf(put('a', 'only'))
    expect((await decideChange('note', before, { managedBy: 'git', prune: true, documents: notes(['b', 'only']) }, validate)).faults).toEqual([])
    expect((await decideChange('note', before, { managedBy: 'git', prune: false, documents: notes(['b', 'only']) }, validate)).faults).toEqual([{ message: 'only one "only"' }])
  })
})

describe('folding what is stored', () => {
  const stored = (id: string, version: number, type: string, data: Record<string, unknown>): StoredEvent => ({ eventId: 'e', aggregate: 'note', id, version, type, data, actor: 'ada', at: new Date(0) })

  test('the last event of a name counts, and versions go on after a removal', () => {
    const state = fold('note', schema, [stored('a', 1, 'sallyport.note.put.v1', { document: draft('a', 'one') }), stored('a', 2, 'sallyport.note.removed.v1', { name: 'a' }), stored('b', 3, 'sallyport.note.put.v1', { document: draft('b', 'two') })])
    expect(documentsOf(state)).toEqual([{ ...draft('b', 'two'), version: 3 }])
    expect(state.get('a')).toEqual({ version: 2, document: undefined })
  })

  test('an event that is not understood is an error, not a guess', () => {
    expect(() => fold('note', schema, [stored('a', 1, 'sallyport.note.renamed.v1', {})])).toThrow('unknown type')
    expect(() => fold('note', schema, [stored('a', 1, 'sallyport.note.put.v1', { document: { name: 'a' } })])).toThrow()
  })
})
