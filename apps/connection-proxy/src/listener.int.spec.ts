import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import net from 'node:net'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Bus } from '@sallyport/messaging'
import { protocols } from '@sallyport/protocols'
import { freshBus, temporaryDir, waitFor } from '@sallyport/testing'
import { pino } from 'pino'
import { Registry } from 'prom-client'
import { compose, type Composition } from './composition.js'
import { configSchema } from './config.js'
import { Listener } from './listener.js'

let bus: Bus
let parts: Composition
let listener: Listener
let crowded: Listener
let port: number
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])
const peers: net.Socket[] = []

beforeAll(async () => {
  bus = await freshBus('listener')
  await bus.ensureEventStream()
  const dir = temporaryDir('listener-tls')
  mkdirSync(dir, { recursive: true })
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-keyout', 'k.pem', '-out', 'c.pem', '-subj', '/CN=localhost'], { cwd: dir, stdio: 'ignore' })
  const config = configSchema.parse({
    SALLYPORT_TLS_CERT_FILE: path.join(dir, 'c.pem'), SALLYPORT_TLS_KEY_FILE: path.join(dir, 'k.pem'), SALLYPORT_PROXY_KEYS: '{"keys":[]}', SALLYPORT_DIGEST_KEY: randomBytes(32).toString('base64'),
  })
  parts = compose(config, bus, 'px-listener', pino({ level: 'silent' }), new Registry())
  const [descriptor] = protocols
  listener = new Listener({
    descriptor: { ...descriptor!, limits: { ...descriptor!.limits, handshakeTimeoutMs: 300 } }, host: '127.0.0.1', port: 0, reusePort: false, sessionsMax: 10_000, halfOpenMax: 10_000, services: parts.services,
  })
  port = (await listener.listen()).port
  crowded = new Listener({ descriptor: descriptor!, host: '127.0.0.1', port: 0, reusePort: false, sessionsMax: 10_000, halfOpenMax: 100, services: parts.services })
})
afterAll(async () => {
  for (const peer of peers) peer.destroy()
  listener.stopAccepting()
  crowded.stopAccepting()
  await parts.recogniser.close()
  await bus.close()
})

const peer = async (to = port): Promise<net.Socket> => {
  const socket = net.connect(to, '127.0.0.1')
  peers.push(socket)
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

test('a client that asks for TLS and then says nothing is hung up on when the time for the log-in is over', async () => {
  const socket = await peer()
  const closed = once(socket, 'close')
  socket.write(SSL_REQUEST)
  expect(String(await once(socket, 'data'))).toBe('S')
  socket.resume()
  await closed
  await waitFor(() => listener.connections === 0)
})

test('a client that breaks off, resets or talks nonsense in the middle of TLS ends only itself', async () => {
  for (const rude of [(socket: net.Socket) => socket.resetAndDestroy(), (socket: net.Socket) => socket.end(randomBytes(600)), (socket: net.Socket) => socket.write(Buffer.from([22, 3, 1, 2, 0, 1, 0, 1, 252])) && socket.resetAndDestroy()]) {
    const socket = await peer()
    socket.write(SSL_REQUEST)
    await once(socket, 'data')
    rude(socket)
  }
  await waitFor(() => listener.connections === 0)
})

test('thousands of connections that come to nothing leave nothing behind', async () => {
  const before = parts.services.recorder.tailBytes
  for (let round = 0; round < 40; round += 1) {
    const sockets = await Promise.all(Array.from({ length: 50 }, () => peer()))
    sockets.forEach((socket, index) => { if (index % 2 === 0) socket.destroy(); else socket.resetAndDestroy() })
    await waitFor(() => listener.connections === 0)
  }
  expect(parts.services.recorder.tailBytes).toBe(before)
}, 60_000)

test('beyond their own maximum the oldest of those that have not logged in goes, with a word, and the newest is heard', async () => {
  const there = (await crowded.listen()).port
  const oldest = await peer(there)
  const heard: Buffer[] = []
  oldest.on('data', (chunk: Buffer) => heard.push(chunk))
  const gone = once(oldest, 'close')
  await waitFor(() => crowded.connections === 1)
  const others = await Promise.all(Array.from({ length: 99 }, () => peer(there)))
  await waitFor(() => crowded.connections === 100)
  expect(heard).toEqual([])
  const newest = await peer(there)
  await gone
  expect(Buffer.concat(heard).toString()).toContain('too many connections are logging in')
  newest.write('GET / HTTP/1.1\r\n\r\n')
  expect(String(await once(newest, 'data'))).toContain('08P01')
  for (const other of [newest, ...others]) other.destroy()
  await waitFor(() => crowded.connections === 0)
})
