import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { rememberOfTarget } from '@sallyport/contracts/directory'
import { freePort } from '@sallyport/testing'
import { execOn, Gateway, POLICIES } from './gateway.js'
import { Sshd } from './sshd.js'
import { startTarget, usableKey } from './target.js'

let sshd: Sshd
let gateway: Gateway
let token: string
const remembered = new Map<string, string>()

beforeAll(async () => {
  ;[sshd, gateway] = await Promise.all([Sshd.start(), Gateway.start()])
  await gateway.platform.policy('test', POLICIES)
  token = await gateway.platform.agentToken()
  gateway.platform.bus.serve(rememberOfTarget, ({ connection, name, value }) => {
    const key = `${connection} ${name}`
    if (!remembered.has(key)) remembered.set(key, value)
    return { value: remembered.get(key)! }
  })
  await gateway.platform.bus.flush()
}, 60_000)

afterAll(async () => {
  await gateway?.stop()
  await sshd?.stop()
})

const echo = (connection: string) => gateway.ssh(token, [`${connection}@127.0.0.1`, 'echo in'])
const pinned = () => ({ hostKeys: [sshd.hostKey] })

/** A target that asks for a password; OpenSSH's own can check none unless it is root's. */
const passwordTarget = (method: 'password' | 'keyboard-interactive') => startTarget((session) => void session.on('exec', (accept) => {
  const channel = accept()
  channel.write('in\n')
  channel.exit(0)
  channel.end()
}), { method })

describe('the gateway shows the target', () => {
  test.each(['password', 'keyboard-interactive'] as const)('a password, by %s', async (method) => {
    const target = await passwordTarget(method)
    await gateway.connect('by-password', { port: target.port, username: 'deploy', kind: 'password', secret: 'secret' }, { hostKeys: [target.hostKey] })
    expect(await echo('by-password')).toMatchObject({ code: 0, err: '' })
    await gateway.connect('by-password', { port: target.port, username: 'deploy', kind: 'password', secret: 'changed-meanwhile' }, { hostKeys: [target.hostKey] })
    const refused = await gateway.ssh(token, ['-o', 'LogLevel=INFO', 'by-password@127.0.0.1', 'echo in'])
    expect(refused).toMatchObject({ code: 255, err: expect.stringContaining('the target did not accept the gateway\'s credentials') })
    expect(refused.err).not.toContain('changed-meanwhile')
    target.close()
  })

  test('a private key', async () => {
    await gateway.connect('by-key', { port: sshd.port, username: sshd.username, secret: sshd.userKey }, pinned())
    expect(await echo('by-key')).toMatchObject({ code: 0, err: '' })
  })

  test.each([['ed25519', []], ['ecdsa', ['-b', '256']], ['ecdsa', ['-b', '521']], ['rsa', ['-b', '3072']]] as const)('a certificate by an authority with a key of type %s %j, which names session and principal in the target\'s log', async (type, bits) => {
    const name = path.join(sshd.dir, `ca-${type}${bits[1] ?? ''}`)
    execFileSync('ssh-keygen', ['-q', '-t', type, ...bits, '-N', '', '-C', '', '-f', name])
    const authority = readFileSync(name, 'utf8')
    const other = await Sshd.start()
    writeFileSync(path.join(other.dir, 'ca.pub'), readFileSync(`${name}.pub`))
    await gateway.connect('by-certificate', { port: other.port, username: other.username, kind: 'certificate-authority', secret: authority }, { hostKeys: [other.hostKey] })
    expect(await echo('by-certificate')).toMatchObject({ code: 0, err: '' })
    expect(other.log()).toMatch(/ED25519-CERT .*ID "?ses_\w+ coding-agent/)
    await other.stop()
  })

  test('a certificate is for its account only, and not by another authority', async () => {
    await gateway.connect('by-certificate', { port: sshd.port, username: 'nobody', kind: 'certificate-authority', secret: sshd.userKey }, pinned())
    expect((await echo('by-certificate')).code).toBe(255)
    const key = usableKey().private
    await gateway.connect('by-certificate', { port: sshd.port, username: sshd.username, kind: 'certificate-authority', secret: key }, pinned())
    expect((await echo('by-certificate')).code).toBe(255)
  })
})

describe('the target shows the gateway', () => {
  const connect = (options: Record<string, unknown>) => gateway.connect('pinned', { port: sshd.port, username: sshd.username, secret: sshd.userKey }, options)
  const refusal = () => gateway.ssh(token, ['-o', 'LogLevel=INFO', 'pinned@127.0.0.1', 'echo in'])
  const fingerprint = () => execFileSync('ssh-keygen', ['-lf', path.join(sshd.dir, 'host.pub')], { encoding: 'utf8' }).split(' ')[1]!

  test('its key, by key or by fingerprint', async () => {
    await connect({ hostKeys: [fingerprint()] })
    expect((await echo('pinned')).code).toBe(0)
  })

  test('another key: refused, recorded, and the fingerprint that came is told', async () => {
    await connect({ hostKeys: [sshd.otherKey] })
    const done = await refusal()
    expect(done).toMatchObject({ code: 255, err: expect.stringContaining(fingerprint()) })
    await gateway.platform.settled()
    expect((await gateway.platform.sessions()).filter(({ connection, status }) => connection === 'pinned' && status === 'refused').length).toBeGreaterThan(0)
  })

  test('any key where none is named: refused, unless the first is to be trusted; then that one counts', async () => {
    await connect({})
    expect(await refusal()).toMatchObject({ code: 255, err: expect.stringContaining('names no host key') })
    await connect({ trustOnFirstUse: true })
    expect((await echo('pinned')).code).toBe(0)
    expect(remembered.get('pinned host-key')).toBe(sshd.hostKey)
    remembered.set('pinned host-key', sshd.otherKey)
    expect(await refusal()).toMatchObject({ code: 255, err: expect.stringContaining('another host key than the first time') })
  })

  test('nothing: it can\'t be reached', async () => {
    await gateway.connect('pinned', { port: await freePort(), username: 'x', secret: sshd.userKey }, pinned())
    expect(await refusal()).toMatchObject({ code: 255, err: expect.stringMatching(/reach/) })
  })
})

test('the library\'s client, too', async () => {
  await gateway.connect('by-key', { port: sshd.port, username: sshd.username, secret: sshd.userKey }, pinned())
  const client = await gateway.client({ username: 'by-key', password: token })
  expect(await execOn(client, 'id -un')).toMatchObject({ out: `${sshd.username}\n` })
  client.end()
})
