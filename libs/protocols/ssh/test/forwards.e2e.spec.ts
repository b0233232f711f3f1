import net from 'node:net'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { freePort } from '@sallyport/testing'
import type { Client, ClientChannel } from 'ssh2'
import { execOn, Gateway, POLICIES } from './gateway.js'
import { newDir, Sshd } from './sshd.js'

const FORWARDS = `@id("agents-forward") permit (principal in Group::"ai-agents", action in Action::"forward", resource == Connection::"bastion") unless { context has port && context.port == 1 };`
const SIZE = 2 * 1024 * 1024

let sshd: Sshd
let gateway: Gateway
let token: string
let echo: net.Server
let echoPort: number
const socketPath = path.join(newDir('ssh-forward'), 'echo')

beforeAll(async () => {
  ;[sshd, gateway] = await Promise.all([Sshd.start(), Gateway.start()])
  await gateway.platform.policy('test', POLICIES)
  await gateway.platform.policy('forwards', FORWARDS)
  await gateway.connectTo('build-host', sshd, { forwards: true })
  await gateway.connectTo('bastion', sshd, { forwards: true })
  token = await gateway.platform.agentToken()
  echo = net.createServer({ allowHalfOpen: true }, (socket) => void socket.on('error', () => undefined).pipe(socket))
  echoPort = await freePort()
  await new Promise<void>((resolve) => { echo.listen(echoPort, '127.0.0.1', () => resolve()) })
  await new Promise<void>((resolve) => { net.createServer((socket) => void socket.pipe(socket)).listen(socketPath, () => resolve()).unref() })
}, 60_000)

afterAll(async () => {
  echo?.close()
  await gateway?.stop()
  await sshd?.stop()
})

const through = (client: Client, port: number): Promise<ClientChannel> => new Promise((resolve, reject) => {
  client.forwardOut('127.0.0.1', 9, '127.0.0.1', port, (error, channel) => (error === undefined ? resolve(channel) : reject(error)))
})

const throughSocket = (client: Client): Promise<ClientChannel> => new Promise((resolve, reject) => {
  client.openssh_forwardOutStreamLocal(socketPath, (error, channel) => (error === undefined ? resolve(channel) : reject(error)))
})

const roundTrip = (channel: ClientChannel, bytes: Buffer): Promise<Buffer> => new Promise((resolve) => {
  const got: Buffer[] = []
  channel.on('data', (chunk: Buffer) => got.push(chunk))
  channel.on('end', () => resolve(Buffer.concat(got)))
  channel.end(bytes)
})

const commands = async (connection: string, action: string) => {
  await gateway.platform.settled()
  return (await gateway.platform.commands({ connection })).filter((command) => command.action === action)
}

describe('where nothing permits them', () => {
  test('forwards of all kinds are refused with the reason, and recorded', async () => {
    const client = await gateway.client({ username: 'build-host', password: token })
    await expect(through(client, echoPort)).rejects.toThrow(/Sallyport denied/)
    await expect(throughSocket(client)).rejects.toThrow(/Sallyport denied/)
    await expect(new Promise((resolve, reject) => { client.forwardIn('127.0.0.1', 0, (error, port) => (error === undefined ? resolve(port) : reject(error))) })).rejects.toBeDefined()
    expect(await execOn(client, 'echo on')).toMatchObject({ out: 'on\n' })
    client.end()
    expect((await commands('build-host', 'ssh.forward.local')).map(({ status }) => status)).toEqual(['refused', 'refused'])
    expect((await commands('build-host', 'ssh.forward.remote')).map(({ status }) => status)).toEqual(['refused'])
  })

  test('agent and X11 forwarding, and what nobody knows', async () => {
    const done = await gateway.ssh(token, ['-A', '-X', 'build-host@127.0.0.1', 'echo on'])
    expect(done.out.toString()).toBe('on\n')
    const client = await gateway.client({ username: 'build-host', password: token })
    const protocol = (client as unknown as { _protocol: { openssh_noMoreSessions(reply: boolean): void; channelOpenFail: unknown; ping(): void } })._protocol
    protocol.ping()
    client.exec('sleep 0.3', { x11: true }, () => undefined)
    await execOn(client, 'echo on')
    client.end()
    expect((await commands('build-host', 'ssh.x11')).length).toBeGreaterThan(0)
  })
})

describe('where a policy permits them', () => {
  test('local, with the bytes of both directions in the record', async () => {
    const client = await gateway.client({ username: 'bastion', password: token })
    const bytes = Buffer.alloc(SIZE, 'forward ')
    expect((await roundTrip(await through(client, echoPort), bytes)).equals(bytes)).toBe(true)
    expect((await roundTrip(await throughSocket(client), bytes)).equals(bytes)).toBe(true)
    client.end()
    const [first, second] = await commands('bastion', 'ssh.forward.local')
    for (const command of [first, second]) expect(command).toMatchObject({ class: 'forward', finish: { outcome: 'completed', bytesOut: SIZE, facts: { bytesIn: SIZE } } })
  })

  test('but not this port', async () => {
    const client = await gateway.client({ username: 'bastion', password: token })
    await expect(through(client, 1)).rejects.toThrow(/Sallyport denied/)
    client.end()
  })

  test('nobody answers there', async () => {
    const client = await gateway.client({ username: 'bastion', password: token })
    await expect(through(client, await freePort())).rejects.toThrow(/could not be opened/)
    client.end()
  })

  test('remote: the listener and each connection to it are operations', async () => {
    const client = await gateway.client({ username: 'bastion', password: token })
    client.on('tcp connection', (_details, accept) => {
      const channel = accept()
      channel.pipe(channel)
    })
    const port = await new Promise<number>((resolve, reject) => { client.forwardIn('127.0.0.1', 0, (error, bound) => (error === undefined ? resolve(bound) : reject(error))) })
    const bytes = Buffer.alloc(SIZE, 'remote ')
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const got: Buffer[] = []
    socket.on('data', (chunk: Buffer) => got.push(chunk))
    const over = new Promise((resolve) => void socket.once('end', resolve))
    socket.end(bytes)
    await over
    expect(Buffer.concat(got).equals(bytes)).toBe(true)
    await new Promise<void>((resolve) => { client.unforwardIn('127.0.0.1', port, () => resolve()) })
    client.end()
    const recorded = await commands('bastion', 'ssh.forward.remote')
    expect(recorded.map(({ finish }) => finish?.outcome)).toEqual(['completed', 'completed'])
  })

  test('nothing is opened while a command of the session is held', async () => {
    const client = await gateway.client({ username: 'bastion', password: token })
    const held = execOn(client, 'touch /nowhere/at-all')
    const approval = await gateway.platform.pending()
    await expect(through(client, echoPort)).rejects.toThrow(/waits for approval/)
    await gateway.platform.deny(approval.id)
    expect(await held).toMatchObject({ code: 126 })
    const bytes = Buffer.from('now')
    expect((await roundTrip(await through(client, echoPort), bytes)).equals(bytes)).toBe(true)
    client.end()
  })

  test('but not on a connection without forwards', async () => {
    await gateway.connectTo('bastion', sshd, {})
    const client = await gateway.client({ username: 'bastion', password: token })
    await expect(through(client, echoPort)).rejects.toThrow(/has no forwards/)
    client.end()
  })
})
