import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Recognition } from '@sallyport/protocol-kit'
import { protocols } from '@sallyport/protocols'
import { type Recogniser, type RecogniserOptions, createRecogniser } from './index.js'

const here = path.dirname(fileURLToPath(import.meta.url))
const root = path.resolve(here, '../../../..')

const recognition = (problem?: string): Recognition => ({
  effects: [{ action: 'test.read', class: problem === undefined ? 'read' : 'unrecognised', facts: {} }],
  action: 'test.read', class: problem === undefined ? 'read' : 'unrecognised', fingerprint: 'test', provenRead: problem === undefined, alwaysAllowed: false,
  touches: { relations: [], columns: [], everything: false, opaque: false }, literals: [], detail: null, ...(problem === undefined ? {} : { problem }),
})

/** A worker whose protocol hangs, throws or leaves, as the text says; the real worker side around it. */
const entry = (): URL => {
  const served = pathToFileURL(path.join(here, '../../dist/recognition/serve-recognition.js')).href
  const source = `
    import { parentPort, threadId } from 'node:worker_threads'
    import { serveRecognition } from ${JSON.stringify(served)}
    let parsed = 0
    const recognise = (text, settings) => {
      if (text === 'hang') for (;;) {}
      if (text === 'throw') throw new Error('broken parser')
      if (text === 'exit') process.exit(3)
      parsed += 1
      return { ...${JSON.stringify(recognition())}, detail: { threadId, parsed, text: text.slice(0, 20), settings } }
    }
    await serveRecognition(parentPort, [{ name: 'test', loadRecogniser: async () => {}, recognise }])`
  return new URL(`data:text/javascript,${encodeURIComponent(source)}`)
}

const textBytesMax = 200_000
const open: Recogniser[] = []
const start = (options: RecogniserOptions = {}): Recogniser => {
  const recogniser = createRecogniser({
    workerEntry: entry(),
    protocol: (name) => name === 'test'
      ? { limits: { textBytesMax, recogniseTimeoutMs: 400, handshakeTimeoutMs: 1000 }, unrecognised: (_text, problem) => recognition(problem) }
      : undefined,
    ...options,
  })
  open.push(recogniser)
  return recogniser
}

const detail = (value: Recognition): { threadId: number; parsed: number; text: string } => value.detail as { threadId: number; parsed: number; text: string }

beforeAll(() => {
  execFileSync(process.execPath, [path.join(root, 'tools/build.mjs')], { cwd: root, stdio: 'ignore' })
})
afterAll(async () => {
  await Promise.all(open.map((recogniser) => recogniser.close()))
})

describe('recognition in worker threads', () => {
  it('parses a text once and then answers at once, per protocol settings', async () => {
    const recogniser = start()
    const first = await recogniser.recognise('test', 'select 1', { path: 'a' })
    expect(first).toMatchObject({ class: 'read', detail: { text: 'select 1', settings: { path: 'a' } } })
    expect(recogniser.recognise('test', 'select 1', { path: 'a' })).toBe(first)
    const other = recogniser.recognise('test', 'select 1', { path: 'b' })
    expect(other).toBeInstanceOf(Promise)
    await other
    expect(recogniser.stats).toMatchObject({ hits: 1, misses: 2, replacedWorkers: 0 })
  })

  it('parses a text that many ask for at the same time once', async () => {
    const recogniser = start()
    const answers = await Promise.all(Array.from({ length: 50 }, () => recogniser.recognise('test', 'same', {})))
    expect(new Set(answers).size).toBe(1)
  })

  it('gives up a text that takes too long, and others do not wait for it', async () => {
    const recogniser = start({ poolSize: 1 })
    const before = detail(await recogniser.recognise('test', 'before', {})).threadId
    const [hung, after] = await Promise.all([recogniser.recognise('test', 'hang', {}), recogniser.recognise('test', 'after', {})])
    expect(hung).toMatchObject({ class: 'unrecognised', problem: 'the statement took too long to parse' })
    expect(detail(after).threadId).not.toBe(before)
    expect(recogniser.stats.replacedWorkers).toBe(1)
  })

  it.each(['throw', 'exit'])('replaces a worker whose parser breaks (%s)', async (text) => {
    const recogniser = start({ poolSize: 1 })
    expect(await recogniser.recognise('test', text, {})).toMatchObject({ class: 'unrecognised', problem: expect.stringMatching(/too complex|too long/) })
    expect(await recogniser.recognise('test', 'next', {})).toMatchObject({ class: 'read' })
    expect(recogniser.stats.replacedWorkers).toBe(1)
  })

  it('survives more broken texts than it has workers', async () => {
    const recogniser = start()
    const texts = Array.from({ length: 8 }, (_, index) => index % 2 === 0 ? 'throw' : `fine ${index}`)
    const answers = await Promise.all(texts.map((text) => recogniser.recognise('test', text, {})))
    expect(answers.map((answer) => answer.class)).toEqual(texts.map((text) => text === 'throw' ? 'unrecognised' : 'read'))
  })

  it('lets a worker go after a large text, whose memory it would keep', async () => {
    const recogniser = start({ poolSize: 1 })
    const first = detail(await recogniser.recognise('test', 'z'.repeat(100_000), {})).threadId
    expect(detail(await recogniser.recognise('test', 'next', {})).threadId).not.toBe(first)
  })

  it('does not remember a failure', async () => {
    const recogniser = start({ poolSize: 1 })
    await recogniser.recognise('test', 'throw', {})
    expect(recogniser.recognise('test', 'throw', {})).toBeInstanceOf(Promise)
  })

  it('refuses a text over the limit without parsing it, in bytes and not in characters', () => {
    const recogniser = start()
    expect(recogniser.recognise('test', 'x'.repeat(textBytesMax + 1), {})).toMatchObject({ class: 'unrecognised', problem: expect.stringContaining('longer') })
    expect(recogniser.recognise('test', 'é'.repeat(textBytesMax / 2 + 1), {})).toMatchObject({ class: 'unrecognised' })
    expect(recogniser.stats.misses).toBe(0)
  })

  it('refuses what does not fit the queue', async () => {
    const recogniser = start({ poolSize: 1, queueMax: 2 })
    await recogniser.recognise('test', 'warm', {})
    const answers = await Promise.all(['hang', 'a', 'b', 'c'].map((text) => recogniser.recognise('test', text, {})))
    expect(answers.map(({ problem }) => problem)).toEqual(['the statement took too long to parse', undefined, undefined, 'too many statements are waiting to be parsed'])
  })

  it('does not wait for ever when no worker comes up', async () => {
    const recogniser = start({ workerEntry: new URL('data:text/javascript,throw new Error("no parser")'), queueTimeoutMs: 300 })
    expect(await recogniser.recognise('test', 'select 1', {})).toMatchObject({ class: 'unrecognised', problem: 'the parser had no time for the statement' })
  })

  it('keeps its memory within the bound and forgets what nobody asks for', async () => {
    const cacheBytesMax = 200_000
    const recogniser = start({ cacheBytesMax })
    const kept = await recogniser.recognise('test', 'kept', {})
    for (let index = 0; index < 200; index += 1) {
      await recogniser.recognise('test', `text ${index} ${'x'.repeat(1000)}`, {})
      expect(recogniser.recognise('test', 'kept', {})).toBe(kept)
      expect(recogniser.stats.cacheBytes).toBeLessThanOrEqual(cacheBytesMax)
    }
    expect(recogniser.recognise('test', `text 0 ${'x'.repeat(1000)}`, {})).toBeInstanceOf(Promise)
  })

  it('remembers a large text by its digest', async () => {
    const recogniser = start({ cacheBytesMax: 100_000 })
    const large = 'y'.repeat(150_000)
    const first = await recogniser.recognise('test', large, {})
    expect(recogniser.recognise('test', large, {})).toBe(first)
    expect(recogniser.recognise('test', `${large.slice(1)}z`, {})).toBeInstanceOf(Promise)
  })

  it('answers what is open when it closes', async () => {
    const recogniser = start({ poolSize: 1 })
    await recogniser.recognise('test', 'warm', {})
    const answers = ['hang', 'queued'].map((text) => recogniser.recognise('test', text, {}))
    await recogniser.close()
    for (const answer of await Promise.all(answers)) expect(answer).toMatchObject({ class: 'unrecognised', problem: 'this gateway is shutting down' })
    expect(await recogniser.recognise('test', 'later', {})).toMatchObject({ class: 'unrecognised' })
  })
})

describe('the shipped worker', () => {
  it('starts from the compiled file and recognises for every protocol of the registry', async () => {
    const recogniser = createRecogniser({})
    open.push(recogniser)
    for (const { name, actions } of protocols) {
      const empty = await recogniser.recognise(name, '', {})
      expect(empty.problem).toBeUndefined()
      for (const effect of empty.effects) expect(Object.keys(actions)).toContain(effect.action)
      expect(recogniser.recognise(name, '', {})).toEqual(empty)
    }
    expect(recogniser.stats.replacedWorkers).toBe(0)
  })

  it('refuses a protocol that nobody knows', () => {
    const recogniser = createRecogniser({})
    open.push(recogniser)
    expect(() => recogniser.recognise('none', 'x', {})).toThrow('no protocol is named none')
  })
})
