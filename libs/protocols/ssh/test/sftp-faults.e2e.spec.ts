import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Client, ClientChannel, ServerChannel, Session } from 'ssh2'
import { PacketReader } from '../src/sftp/packet-reader.js'
import { Cursor, packetOf, typeOf, types } from '../src/sftp/packets.js'
import { execOn, Gateway, POLICIES } from './gateway.js'
import { newDir, Sshd } from './sshd.js'
import { startTarget, type FakeTarget } from './target.js'

const MEBIBYTE = 1024 * 1024
const dir = newDir('ssh-sftp-faults')
let sshd: Sshd
let gateway: Gateway
let token: string
const targets: FakeTarget[] = []

beforeAll(async () => {
  ;[sshd, gateway] = await Promise.all([Sshd.start(), Gateway.start()])
  await gateway.platform.policy('test', `${POLICIES}\n@id("transfer") permit (principal in Group::"ai-agents", action in Action::"transfer", resource);`)
  await gateway.connectTo('build-host', sshd)
  token = await gateway.platform.agentToken()
  mkdirSync(dir, { recursive: true })
  writeFileSync(path.join(dir, 'file'), 'content')
}, 60_000)

afterAll(async () => {
  for (const target of targets) target.close()
  await gateway?.stop()
  await sshd?.stop()
})

/** An SFTP channel on which the test says every byte. */
const raw = async (connection = 'build-host') => {
  const client: Client = await gateway.client({ username: connection, password: token })
  const channel = await new Promise<ClientChannel>((resolve, reject) => void client.subsys('sftp', (error, opened) => (error === undefined ? resolve(opened) : reject(error))))
  const reader = new PacketReader(1 << 20)
  const packets: Buffer[] = []
  let told = ''
  let wake: () => void = () => undefined
  channel.on('data', (chunk: Buffer) => {
    packets.push(...reader.push(chunk))
    wake()
  })
  channel.stderr.on('data', (chunk: Buffer) => { told += chunk.toString() })
  const closed = new Promise<void>((resolve) => void channel.once('close', () => resolve()))
  const next = async (): Promise<Buffer> => {
    while (packets.length === 0) await new Promise<void>((resolve) => { wake = resolve })
    return packets.shift()!
  }
  const send = (...sent: readonly Buffer[]): void => void channel.write(Buffer.concat(sent))
  return { client, send, next, closed, told: () => told, end: () => client.end() }
}

const greeted = async (connection?: string) => {
  const given = await raw(connection)
  given.send(packetOf(types.init, 3))
  expect(typeOf(await given.next())).toBe(types.version)
  return given
}

const openFile = (id: number): Buffer => packetOf(types.open, id, path.join(dir, 'file'), 1, 0)
const statusOf = (packet: Buffer): number | undefined => (typeOf(packet) === types.status ? new Cursor(packet, 9).uint32() : undefined)

describe('a client that breaks the protocol: its channel ends and says why, its connection goes on', () => {
  test.each<readonly [string, readonly Buffer[]]>([
    ['a length that is too large', [Buffer.from([0x7f, 0xff, 0xff, 0xff, 3])]],
    ['a length of nothing', [Buffer.from([0, 0, 0, 0, 3])]],
    ['a string longer than its packet', [packetOf(types.open, 1, { raw: Buffer.from([0, 0, 2, 0, 97]) })]],
    ['more than belongs to a request', [packetOf(types.stat, 1, '/', { raw: Buffer.from([1]) })]],
    ['two requests with one number', [packetOf(types.extended, 1, 'limits@openssh.com'), packetOf(types.extended, 1, 'limits@openssh.com')]],
  ])('%s', async (_what, packets) => {
    const { client, send, closed, told, end } = await greeted()
    send(...packets)
    await closed
    expect(told()).toMatch(/SFTP (packet|request)/)
    expect(await execOn(client, 'echo on')).toMatchObject({ code: 0, out: 'on\n' })
    return end()
  })

  test('no greeting', async () => {
    const { send, closed, told, end } = await raw()
    send(openFile(1))
    await closed
    expect(told()).toContain('version')
    end()
  })
})

describe('a client that reads no answer', () => {
  test('is not read any more either, however much it asks', async () => {
    const client = await gateway.client({ username: 'build-host', password: token })
    const channel = await new Promise<ClientChannel>((resolve, reject) => void client.subsys('sftp', (error, opened) => (error === undefined ? resolve(opened) : reject(error))))
    channel.write(packetOf(types.init, 3))
    channel.pause()
    const asked = Buffer.concat(Array.from({ length: 1000 }, (_none, index) => packetOf(types.read, index, 'nothing', 0n, 1)))
    let taken = 0
    const more = (): void => void channel.write(asked, () => {
      taken += asked.length
      if (taken < 24 * MEBIBYTE) more()
    })
    more()
    for (let before = -1; before !== taken;) {
      before = taken
      await new Promise((resolve) => { setTimeout(resolve, 1_500) })
    }
    // The windows of both directions, and what is on the way.
    expect(taken).toBeLessThan(8 * MEBIBYTE)
    client.end()
  }, 60_000)
})

describe('refused, and the channel goes on', () => {
  test('handles that are not open, or not for this; what is not carried', async () => {
    const { send, next, end } = await greeted()
    send(packetOf(types.read, 1, 'nothing', 0n, 100))
    expect(statusOf(await next())).toBe(4)
    send(openFile(2))
    const handle = new Cursor(await next(), 9).string().toString('latin1')
    send(packetOf(types.write, 3, handle, 0n, 'overwritten'))
    expect(statusOf(await next())).toBe(4)
    send(packetOf(types.readdir, 4, handle))
    expect(statusOf(await next())).toBe(4)
    send(packetOf(types.extended, 5, 'copy-data', handle, 0n, 0n, handle, 0n))
    expect(statusOf(await next())).toBe(8)
    send(packetOf(types.open, 6, path.join(dir, 'file'), 0x1000, 0))
    expect(statusOf(await next())).toBe(8)
    send(packetOf(types.read, 7, handle, 0n, 100))
    expect(new Cursor(await next(), 9).string().toString()).toBe('content')
    send(packetOf(types.close, 8, handle), packetOf(types.read, 9, handle, 0n, 100))
    const answers = [await next(), await next()]
    expect(answers.map(statusOf).sort()).toEqual([0, 4])
    end()
    await gateway.platform.settled()
    expect((await gateway.platform.commands({ text: 'sftp: copy-data' }))[0]).toMatchObject({ class: 'unrecognised', decision: { outcome: 'deny' } })
  })
})

describe('a hostile target', () => {
  /** Answers looks as an empty file system does, and the rest by `answer`. */
  const hostile = async (name: string, answer: (id: number, type: number) => Buffer): Promise<void> => {
    const target = await startTarget((session: Session) => {
      session.on('subsystem', (accept: () => ServerChannel) => {
        const channel = accept()
        const reader = new PacketReader(1 << 20)
        channel.on('data', (chunk: Buffer) => {
          for (const packet of reader.push(chunk)) {
            const type = typeOf(packet)
            const id = new Cursor(packet).uint32()
            if (type === types.init) channel.write(packetOf(types.version, 3))
            else if (type === types.realpath) channel.write(packetOf(types.name, id, 1, '/home', '', 0))
            else if (type === types.lstat) channel.write(packetOf(types.status, id, 2, '', ''))
            else channel.write(answer(id, type))
          }
        })
      })
    })
    targets.push(target)
    await gateway.connect(name, { port: target.port, username: 'root', kind: 'password', secret: 'secret' }, { hostKeys: [target.hostKey] })
  }

  test.each<readonly [string, string, (id: number) => Buffer]>([
    ['numbers that nobody asked with', 'wrong-ids', (id) => packetOf(types.handle, id + 1, 'h')],
    ['another kind of answer', 'wrong-kind', (id) => packetOf(types.data, id, 'x')],
    ['a handle that is too long', 'long-handle', (id) => packetOf(types.handle, id, 'h'.repeat(1000))],
    ['a packet that is too long', 'long-packet', () => Buffer.from([0x7f, 0, 0, 0, 102])],
    ['an answer that ends too early', 'short', (id) => packetOf(types.handle, id, { raw: Buffer.from([0, 0, 0, 9]) })],
  ])('%s: the channel ends, the file is lost', async (_what, name, answer) => {
    await hostile(name, answer)
    const { send, closed, told, end } = await greeted(name)
    send(packetOf(types.open, 1, '/file', 1, 0))
    await closed
    expect(told()).toContain('target')
    end()
    await gateway.platform.settled()
    expect((await gateway.platform.commands({ connection: name, text: 'sftp download' }))[0]).toMatchObject({ status: 'lost' })
  })

  test('what it says besides its answers goes nowhere: it is not in the record', async () => {
    const target = await startTarget((session: Session) => {
      session.on('subsystem', (accept: () => ServerChannel) => {
        const channel = accept()
        channel.stderr.write('unrecorded words')
        const reader = new PacketReader(1 << 20)
        channel.on('data', (chunk: Buffer) => {
          for (const packet of reader.push(chunk)) channel.write(typeOf(packet) === types.init ? packetOf(types.version, 3) : packetOf(types.name, new Cursor(packet).uint32(), 1, '/home', '', 0))
        })
      })
    })
    targets.push(target)
    await gateway.connect('talks', { port: target.port, username: 'root', kind: 'password', secret: 'secret' }, { hostKeys: [target.hostKey] })
    const { send, next, told, end } = await greeted('talks')
    send(packetOf(types.realpath, 1, '.'))
    await next()
    expect(told()).toBe('')
    end()
  })

  test('more data than was asked for', async () => {
    await hostile('too-much', (id, type) => (type === types.open ? packetOf(types.handle, id, 'h') : packetOf(types.data, id, 'x'.repeat(1000))))
    const { send, next, closed, told, end } = await greeted('too-much')
    send(packetOf(types.open, 1, '/file', 1, 0))
    await next()
    send(packetOf(types.read, 2, 'h', 0n, 10))
    await closed
    expect(told()).toContain('target')
    end()
  })
})
