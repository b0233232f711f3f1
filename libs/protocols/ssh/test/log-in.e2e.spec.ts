import { readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { verifyCredential } from '@sallyport/contracts/directory'
import { RpcError } from '@sallyport/contracts/rpc'
import { publicKeyDigest } from '@sallyport/identity'
import ssh2, { type AuthHandlerMiddleware, type ParsedKey } from 'ssh2'
import { execOn, Gateway, POLICIES } from './gateway.js'
import { Sshd } from './sshd.js'

let sshd: Sshd
let gateway: Gateway
let token: string
const registered = new Set<string>()

const parsed = (text: string): ParsedKey => ssh2.utils.parseKey(text) as ParsedKey

beforeAll(async () => {
  ;[sshd, gateway] = await Promise.all([Sshd.start(), Gateway.start()])
  await gateway.platform.policy('test', POLICIES)
  await gateway.connectTo('build-host', sshd)
  token = await gateway.platform.agentToken()
  gateway.platform.bus.serve(verifyCredential, ({ sha256 }) => {
    if (!registered.has(sha256)) throw new RpcError('not-found', 'no such credential')
    return { id: 'crd_key', expiresAt: new Date(Date.now() + 60_000).toISOString(), principal: { kind: 'agent' as const, issuer: 'development', subject: 'coding-agent', uid: 'coding-agent', groups: ['ai-agents'], owner: 'alice', chain: [] } }
  })
  await gateway.platform.bus.flush()
}, 60_000)

afterAll(async () => {
  await gateway?.stop()
  await sshd?.stop()
})

const refusedSessions = async () => {
  await gateway.platform.settled()
  return (await gateway.platform.sessions()).filter(({ status }) => status === 'refused')
}

const works = async (config: Parameters<Gateway['client']>[0]) => {
  const client = await gateway.client(config)
  const { out } = await execOn(client, 'echo in')
  client.end()
  return out
}

describe('who comes in', () => {
  test('a token as password, and as the answer to the one question', async () => {
    expect(await works({ username: 'build-host', password: token })).toBe('in\n')
    const answer = (_name: string, _instructions: string, _language: string, prompts: readonly unknown[], finish: (answers: string[]) => void) => {
      expect(prompts).toEqual([{ prompt: 'Access token or session credential: ', echo: false }])
      finish([token])
    }
    expect(await works({ username: 'build-host', authHandler: [{ type: 'keyboard-interactive', username: 'build-host', prompt: answer }] as never })).toBe('in\n')
  })

  test('a registered key', async () => {
    const key = readFileSync(path.join(sshd.dir, 'other'), 'utf8')
    registered.add(publicKeyDigest('build-host', parsed(key).getPublicSSH().toString('base64')))
    expect(await works({ username: 'build-host', privateKey: key })).toBe('in\n')
  })

  test('after a refused secret another method is tried on the same connection', async () => {
    const methods = [{ type: 'password', username: 'build-host', password: 'wrong' }, { type: 'publickey', username: 'build-host', key: readFileSync(path.join(sshd.dir, 'ca'), 'utf8') }, { type: 'password', username: 'build-host', password: token }]
    expect(await works({ username: 'build-host', authHandler: methods as never })).toBe('in\n')
  })
})

describe('who doesn\'t', () => {
  test('a wrong password, an expired token, an unknown connection, somebody without a policy: each is told why, and recorded', async () => {
    const before = (await refusedSessions()).length
    const cases = [
      ['build-host', 'wrong', /token was not accepted/],
      ['build-host', await gateway.platform.issuer.token('coding-agent', ['ai-agents'], {}, '-1h'), /expired/],
      ['nowhere', token, /no SSH connection/],
      ['build-host', await gateway.platform.issuer.token('mallory', []), /denied/],
    ] as const
    for (const [user, secret, text] of cases) {
      const done = await gateway.ssh(secret, ['-o', 'LogLevel=INFO', `${user}@127.0.0.1`, 'echo in'])
      expect(done.code).toBe(255)
      expect(done.err).toMatch(text)
      expect(done.out.length).toBe(0)
    }
    expect((await refusedSessions()).length).toBe(before + cases.length)
  })

  test('a key that nobody registered, with its signature', async () => {
    await expect(works({ username: 'build-host', privateKey: readFileSync(path.join(sshd.dir, 'ca'), 'utf8') })).rejects.toMatchObject({ level: 'client-authentication' })
  })

  test('whoever offers a registered key without being able to sign', async () => {
    const before = (await refusedSessions()).length
    const key = parsed(readFileSync(path.join(sshd.dir, 'other'), 'utf8'))
    const forger = Object.create(key) as ParsedKey
    ;(forger as unknown as { sign: unknown }).sign = () => Buffer.alloc(64, 1)
    await expect(works({ username: 'build-host', authHandler: [{ type: 'publickey', username: 'build-host', key: forger }] as never })).rejects.toMatchObject({ level: 'client-authentication' })
    // Nobody was asked: there was nothing to verify.
    expect((await refusedSessions()).length).toBe(before)
  })

  test('an offer is answered alike whoever it is, and lets nobody open a channel', async () => {
    for (const name of ['other', 'ca']) {
      const key = parsed(readFileSync(path.join(sshd.dir, name), 'utf8'))
      const client = new ssh2.Client()
      const answers: number[] = []
      const closed = new Promise<void>((resolve) => void client.once('close', () => resolve()))
      client.on('error', () => undefined)
      let asked = false
      const silent = Object.create(key) as ParsedKey
      ;(silent as unknown as { sign: unknown }).sign = () => {
        answers.push(60)
        // Instead of signing it asks for a channel.
        client.exec('touch /tmp/never', (error) => {
          expect(error).toBeDefined()
          client.end()
        })
        return new Error('no')
      }
      client.connect({
        host: '127.0.0.1', port: gateway.port, username: 'build-host',
        authHandler: ((_left: unknown, _partial: unknown) => {
          if (asked) return false
          asked = true
          return { type: 'publickey', username: 'build-host', key: silent }
        }) as unknown as AuthHandlerMiddleware,
      })
      await closed
      expect(answers).toEqual([60])
    }
  })

  test('the seventh attempt ends the connection', async () => {
    const attempts: string[] = []
    const client = new ssh2.Client()
    const error = await new Promise<Error & { code?: unknown }>((resolve) => {
      client.on('error', resolve)
      client.connect({
        host: '127.0.0.1', port: gateway.port, username: 'build-host',
        authHandler: (() => {
          attempts.push('password')
          return { type: 'password', username: 'build-host', password: 'wrong' }
        }) as unknown as AuthHandlerMiddleware,
      })
    })
    expect(attempts.length).toBe(7)
    expect(error.message).toContain('too many')
  })

  test('another name on the way', async () => {
    const client = new ssh2.Client()
    let tries = 0
    const error = await new Promise<Error>((resolve) => {
      client.on('error', resolve)
      client.connect({
        host: '127.0.0.1', port: gateway.port, username: 'build-host',
        authHandler: (() => {
          tries += 1
          return { type: 'password', username: tries === 1 ? 'build-host' : 'other-host', password: tries === 1 ? 'wrong' : token }
        }) as unknown as AuthHandlerMiddleware,
      })
    })
    expect(error).toBeDefined()
    expect(tries).toBe(2)
  })
})

describe('what is agreed on', () => {
  test.each([
    ['kex', 'diffie-hellman-group14-sha1'], ['kex', 'diffie-hellman-group-exchange-sha1'], ['cipher', 'aes128-cbc'], ['cipher', '3des-cbc'], ['hmac', 'hmac-sha1'], ['serverHostKey', 'ssh-rsa'],
  ])('no %s %s', async (kind, algorithm) => {
    // Authenticated encryption needs no code of its own.
    const algorithms = { [kind]: [algorithm], ...(kind === 'hmac' ? { cipher: ['aes128-ctr'] } : {}) }
    await expect(gateway.client({ username: 'build-host', password: token, algorithms: algorithms as never })).rejects.toMatchObject({ level: 'handshake' })
  })

  test('all three host keys are shown, and stay the same', async () => {
    const seen = async (type: string) => {
      let key = ''
      const client = await gateway.client({ username: 'build-host', password: token, algorithms: { serverHostKey: [type as never] }, hostVerifier: (blob: Buffer) => {
        key = blob.toString('base64')
        return true
      } })
      client.end()
      return key
    }
    for (const type of ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'rsa-sha2-512']) expect(await seen(type)).toBe(await seen(type))
  })
})
