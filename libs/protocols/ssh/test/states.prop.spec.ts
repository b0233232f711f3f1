import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { Client, Connection } from 'ssh2'
import { MemoryHost } from './memory-host.js'

/** A target that runs nothing and answers everything. */
const serve = (client: Connection): void => {
  client.on('session', (accept) => {
    const session = accept()
    session.on('exec', (acceptExec) => {
      const channel = acceptExec()
      channel.on('error', () => undefined)
      channel.write('ran\n')
      channel.exit(0)
      channel.end()
    })
  })
}

interface Innards {
  readonly _packetRW: { readonly write: { readonly allocStart: number; alloc(bytes: number): Buffer; finalize(packet: Buffer): Buffer } }
  readonly _cipher: { encrypt(packet: Buffer): void }
}

/** Sends a message as it is, encrypted as the state of the connection has it. */
const send = (client: Client, body: Buffer): void => {
  const protocol = (client as unknown as { readonly _protocol: Innards })._protocol
  const { write } = protocol._packetRW
  const packet = write.alloc(body.length)
  packet.set(body, write.allocStart)
  protocol._cipher.encrypt(write.finalize(packet))
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => { setImmediate(resolve) })
}

/** Every number of RFC 4250, section 4.1.2, and some that are none. */
const numbers = [1, 2, 3, 4, 5, 6, 7, 20, 21, 30, 31, 50, 51, 52, 53, 60, 61, 80, 81, 82, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 0, 127, 192, 255]

const words = ['ssh-userauth', 'ssh-connection', 'password', 'none', 'publickey', 'keyboard-interactive', 'session', 'direct-tcpip', 'exec', 'shell', 'env', 'pty-req', 'subsystem', 'tcpip-forward', 'build-host', 'right', 'touch /x']
const string = (text: string | Uint8Array): Buffer => {
  const bytes = Buffer.from(text as string)
  const head = Buffer.alloc(4)
  head.writeUInt32BE(bytes.length)
  return Buffer.concat([head, bytes])
}
const uint32 = fc.oneof(fc.constantFrom(0, 1, 2, 255, 32768, 0x7fffffff, 0xffffffff), fc.nat(8)).map((value) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
})
const field = fc.oneof(fc.constantFrom(...words).map(string), uint32, fc.boolean().map((value) => Buffer.from([value ? 1 : 0])), fc.uint8Array({ maxLength: 40 }).map(string), fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes)))
const message = fc.tuple(fc.constantFrom(...numbers), fc.array(field, { maxLength: 7 })).map(([number, fields]) => Buffer.concat([Buffer.from([number]), ...fields]))

describe('whatever a client says', () => {
  test('before it has logged in: nothing is opened, nothing is judged, nobody is let in without the right secret', async () => {
    await fc.assert(fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 12 }), async (messages) => {
      const host = new MemoryHost(serve)
      const { default: ssh2 } = await import('ssh2')
      const client = new ssh2.Client()
      client.on('error', () => undefined)
      const ready = new Promise<void>((resolve) => void client.once('handshake', () => resolve()))
      client.connect({ sock: host.client, username: 'build-host', authHandler: (() => undefined) as never, strictVendor: false })
      await ready
      for (const body of messages) if (host.ended === undefined) send(client, body)
      await settle()
      expect(host.operations).toEqual([])
      if (host.claims.every(({ secret }) => secret !== 'right')) expect(host.opened).toEqual([])
      client.destroy()
      host.client.destroy()
    }), { numRuns: 60 })
  }, 60_000)

  test('in an open session: nothing runs that was not judged, and the session answers or ends with a reason', async () => {
    await fc.assert(fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 20 }), async (messages) => {
      let ran = 0
      const host = new MemoryHost((client) => client.on('session', (accept) => void accept().on('exec', (acceptExec) => {
        ran += 1
        acceptExec().end()
      })))
      const client = await host.connect()
      client.on('error', () => undefined)
      host.allow = () => false
      for (const body of messages) if (host.ended === undefined) send(client, body)
      await settle()
      expect(ran).toBe(0)
      if (host.ended !== undefined) expect(['malformed', 'limit']).toContain(host.ended.code)
      client.destroy()
      host.client.destroy()
    }), { numRuns: 60 })
  }, 60_000)
})

const uint = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

test('a version line that comes byte by byte', async () => {
  const host = new MemoryHost(serve)
  const whole = host.client.write.bind(host.client)
  let version = true
  host.client.write = ((chunk: Buffer, ...rest: never[]) => {
    const pieces = version ? [...chunk].map((byte) => Buffer.from([byte])) : [chunk]
    version = false
    return pieces.map((piece) => whole(piece, ...rest)).at(-1) ?? true
  }) as never
  const client = await host.connect()
  expect(host.opened).toEqual([true])
  client.destroy()
})

describe('window games', () => {
  const openSession = (window: number, packet: number): Buffer => Buffer.concat([Buffer.from([90]), string('session'), uint(7), uint(window), uint(packet)])

  test('a channel with packets of no bytes ends the session, not the process', async () => {
    const host = new MemoryHost(serve)
    const client = await host.connect()
    send(client, openSession(1024 * 1024, 0))
    await settle()
    expect(host.ended).toMatchObject({ code: 'malformed' })
  })

  test('more than the window lets through ends the session', async () => {
    const host = new MemoryHost((client) => client.on('session', (accept) => void accept().on('exec', (acceptExec) => void acceptExec())))
    const client = await host.connect()
    send(client, openSession(1024 * 1024, 32 * 1024))
    await settle()
    send(client, Buffer.concat([Buffer.from([98]), uint(0), string('exec'), Buffer.from([0]), string('cat')]))
    // Nobody on the target reads it: the window is never opened again.
    const piece = Buffer.concat([Buffer.from([94]), uint(0), string(Buffer.alloc(32 * 1024))])
    for (let sent = 0; sent < 600 && host.ended === undefined; sent += 1) {
      send(client, piece)
      if (sent % 20 === 0) await settle()
    }
    await settle()
    expect(host.ended).toMatchObject({ code: 'malformed', message: expect.stringContaining('window') })
  })

  test('channels without end: the rest is refused, and the session goes on', async () => {
    const host = new MemoryHost(serve)
    const client = await host.connect()
    for (let channel = 0; channel < 500; channel += 1) send(client, openSession(1024, 32 * 1024))
    await settle()
    expect(host.ended).toBeUndefined()
  })

  test('what is not understood is recorded, and without end ends the session', async () => {
    const host = new MemoryHost(serve)
    const client = await host.connect()
    host.allow = () => false
    for (let count = 0; count < 1100; count += 1) send(client, Buffer.concat([Buffer.from([80]), string('unheard-of'), Buffer.from([0])]))
    await settle()
    expect(host.operations[0]).toMatchObject({ text: 'global request unheard-of', recognition: { action: 'ssh.request', class: 'unrecognised' } })
    expect(host.ended).toMatchObject({ code: 'limit' })
  })
})
