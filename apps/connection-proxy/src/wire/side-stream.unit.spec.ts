import { once } from 'node:events'
import net from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import { SideStream, type SideHandlers } from './side-stream.js'

const open: { destroy(): void }[] = []
afterEach(() => { for (const each of open.splice(0)) each.destroy() })

/** A real pair of sockets over loopback: ours behind a SideStream, and the peer's. */
const pair = async (handlers: Partial<SideHandlers>) => {
  const server = net.createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const accepted = once(server, 'connection') as Promise<[net.Socket]>
  const peer = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
  const [socket] = await accepted
  open.push(peer, socket, { destroy: () => server.close() })
  const events: string[] = []
  const stream = new SideStream({
    deliver: () => undefined, ended: () => { events.push('ended') }, left: () => { events.push('left') }, failed: (error) => { events.push(`failed ${String(error)}`) }, congested: (value) => { events.push(`congested ${value}`) },
    ...handlers,
  })
  stream.attach(socket)
  return { peer, stream, events, socket }
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => { setTimeout(resolve, 5) })
}

test('hands over nothing while a chunk is being worked on, then all of it in order', async () => {
  const seen: string[] = []
  let release: () => void = () => undefined
  const { peer, events } = await pair({
    deliver: (chunk) => {
      seen.push(chunk.toString())
      if (seen.length === 1) return new Promise<void>((resolve) => { release = resolve })
      return undefined
    },
  })
  peer.write('a')
  await until(() => seen.length === 1)
  peer.write('b')
  await new Promise((resolve) => { setTimeout(resolve, 30) })
  peer.end('c')
  await until(() => events.includes('left'))
  expect(seen).toEqual(['a'])
  release()
  await until(() => events.includes('ended'))
  expect(seen.join('')).toBe('abc')
})

test('stops reading when too much waits, so that the peer is held back', async () => {
  const { peer, stream, socket } = await pair({ deliver: () => new Promise(() => undefined) })
  peer.on('error', () => undefined)
  peer.write(Buffer.alloc(1))
  await until(() => stream.unread === 0 && socket.bytesRead === 1)
  const block = Buffer.alloc(1024 * 1024)
  for (let index = 0; index < 32; index += 1) peer.write(block)
  await new Promise((resolve) => { setTimeout(resolve, 200) })
  expect(stream.unread).toBeLessThan(1024 * 1024)
})

test('an error in a handler is told, not thrown into the event loop', async () => {
  const { peer, events } = await pair({ deliver: () => { throw new Error('broken') } })
  peer.write('x')
  await until(() => events.length > 0)
  expect(events).toEqual(['failed Error: broken'])
})

test('says when its queue of unsent bytes is long and when it is short again', async () => {
  const { peer, stream, events } = await pair({})
  peer.pause()
  for (let index = 0; index < 64; index += 1) stream.write(Buffer.alloc(256 * 1024))
  expect(events).toContain('congested true')
  peer.resume()
  await until(() => events.includes('congested false'))
})

test('after its close nothing more is handed over or told, and a socket that comes later is destroyed', async () => {
  const seen: string[] = []
  const { peer, stream, events } = await pair({ deliver: (chunk) => { seen.push(chunk.toString()) } })
  peer.on('error', () => undefined)
  peer.write('before')
  await until(() => seen.length === 1)
  stream.close(10_000)
  peer.write('after')
  const closed = once(peer, 'close')
  peer.end()
  peer.resume()
  await closed
  expect(seen).toEqual(['before'])
  expect(events).toEqual([])
  const other = await pair({})
  const late = other.stream.detach()!
  stream.attach(late)
  expect(late.destroyed).toBe(true)
})

test('chunks that waited are dropped by its close, not handed over when the work before them is done', async () => {
  const seen: string[] = []
  let release: () => void = () => undefined
  const { peer, stream } = await pair({
    deliver: (chunk) => {
      seen.push(chunk.toString())
      return new Promise<void>((resolve) => { release = resolve })
    },
  })
  peer.on('error', () => undefined)
  peer.write('a')
  await until(() => seen.length === 1)
  peer.write('b')
  await until(() => stream.unread === 1)
  stream.close(1_000)
  release()
  await new Promise((resolve) => { setImmediate(resolve) })
  expect(seen).toEqual(['a'])
})
