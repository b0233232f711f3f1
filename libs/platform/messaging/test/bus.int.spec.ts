import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { encodeBatch, EVENT_STREAM, splitBatch } from '@sallyport/contracts/events'
import { rpc, RpcError } from '@sallyport/contracts/rpc'
import { startNats, temporaryDir, waitFor, type EmbeddedNats } from '@sallyport/testing'
import { z } from 'zod'
import { connectBus, type Bus } from '../src/index.js'

let nats: EmbeddedNats
let asking: Bus
let serving: Bus

beforeAll(async () => {
  nats = await startNats({ dataDir: temporaryDir('nats'), ephemeral: true })
  asking = await connectBus({ servers: nats.url, name: 'asking', instance: 'a1' })
  serving = await connectBus({ servers: nats.url, name: 'serving', instance: 's1' })
})

afterAll(async () => {
  await asking.close()
  await serving.close()
  await nats.stop()
})

const contract = () => rpc(`sallyport.rpc.test.${randomBytes(4).toString('hex')}`, z.object({ number: z.number() }), z.object({ double: z.number() }))

test('a request is answered, and both ends are held to the contract', async () => {
  const double = contract()
  serving.serve(double, ({ number }) => (number === 13 ? ({ double: 'unlucky' } as never) : { double: number * 2 }))
  await serving.flush()
  await expect(asking.call(double, { number: 21 })).resolves.toEqual({ double: 42 })
  await expect(asking.call(double, { number: 'x' } as never)).rejects.toMatchObject({ code: 'invalid' })
  await expect(asking.call(double, { number: 13 })).rejects.toMatchObject({ code: 'internal' })
})

test('what a server refuses reaches the caller; what breaks in it does not', async () => {
  const refusing = contract()
  serving.serve(refusing, ({ number }) => {
    if (number === 1) throw new RpcError('conflict', 'taken', [{ field: 'number' }])
    throw new Error('postgres://user:secret@host is unreachable')
  })
  await serving.flush()
  await expect(asking.call(refusing, { number: 1 })).rejects.toMatchObject({ code: 'conflict', message: 'taken', details: [{ field: 'number' }] })
  const broken = await asking.call(refusing, { number: 2 }).catch((error: RpcError) => error) as RpcError
  expect(broken).toMatchObject({ code: 'internal' })
  expect(broken.message).not.toContain('secret')
})

test('nobody there and nobody answering are both "unavailable"', async () => {
  await expect(asking.call(contract(), { number: 1 })).rejects.toMatchObject({ code: 'unavailable' })
  const silent = contract()
  serving.serve(silent, () => new Promise<never>(() => undefined))
  await serving.flush()
  await expect(asking.call(silent, { number: 1 }, { timeoutMs: 50 })).rejects.toMatchObject({ code: 'unavailable' })
})

test('of one service one instance answers; with queue null each gets it', async () => {
  const second = await connectBus({ servers: nats.url, name: 'serving', instance: 's2' })
  const shared = contract()
  let answered = 0
  for (const bus of [serving, second]) bus.serve(shared, ({ number }) => ({ double: answered++ + number }))
  await Promise.all([serving.flush(), second.flush()])
  await asking.call(shared, { number: 0 })
  await new Promise((resolve) => { setTimeout(resolve, 50) })
  expect(answered).toBe(1)
  await second.close()
})

test('an append without a stream is refused; with one it is numbered, and consumers get it once, in order, again after a failure', async () => {
  await expect(asking.append('sallyport.evt.session.px.0', '[]', { timeoutMs: 300 })).rejects.toMatchObject({ code: 'unavailable' })
  await serving.ensureEventStream()
  await serving.ensureEventStream()
  const sequences = await Promise.all(Array.from({ length: 50 }, (_, index) => asking.append('sallyport.evt.session.px.0', encodeBatch([JSON.stringify({ index })]))))
  expect(sequences).toEqual(Array.from({ length: 50 }, (_, index) => index + 1))
  const seen: number[] = []
  let failures = 1
  const stop = serving.consume({
    stream: EVENT_STREAM, durable: 'test', batch: 16,
    handler: async (messages) => {
      if (seen.length > 0 && failures-- > 0) throw new Error('the database is away')
      for (const message of messages) seen.push((JSON.parse(splitBatch(Buffer.from(message.data).toString())[0]!) as { index: number }).index)
    },
  })
  await waitFor(() => seen.length >= 50)
  await stop()
  expect(seen).toEqual(Array.from({ length: 50 }, (_, index) => index))
})

test('a notice that is too large for the bus is dropped with a word, and throws into nobody\'s timer', async () => {
  const errors: object[] = []
  const bus = await connectBus({ servers: nats.url, name: 'notices', instance: 'n1', logger: { error: (fields) => { errors.push(fields) }, warn: () => undefined } })
  expect(() => bus.publish('sallyport.notice', { text: 'x'.repeat(2 * 1024 * 1024) })).not.toThrow()
  expect(errors).toHaveLength(1)
  await bus.close()
})

test('while the bus is away requests and appends fail at once, and it comes back by itself', async () => {
  const heard: boolean[] = []
  const stop = asking.onStatus((connected) => { heard.push(connected) })
  nats.kill()
  await waitFor(() => !asking.connected)
  await expect(asking.call(contract(), { number: 1 })).rejects.toMatchObject({ code: 'unavailable' })
  await expect(asking.append('sallyport.evt.session.px.0', '[]', { timeoutMs: 300 })).rejects.toMatchObject({ code: 'unavailable' })
  await nats.restart()
  await waitFor(() => asking.connected)
  // Nothing of what failed is sent later: it would pile up in memory for as long as the bus is away.
  await expect(asking.append('sallyport.evt.session.px.0', encodeBatch(['{}']))).resolves.toBe(51)
  expect(heard).toEqual([false, true])
  await stop()
}, 30_000)
