import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { at } from '@sallyport/contracts/rpc'
import { killSession } from '@sallyport/contracts/session'
import { waitFor } from '@sallyport/testing'
import { ended, execOn, Gateway, POLICIES } from './gateway.js'
import { newDir, Sshd } from './sshd.js'
import { startTarget } from './target.js'

const KEY = 'AKIAIOSFODNN7EXAMPLE'
let sshd: Sshd
let gateway: Gateway
let token: string
const dir = newDir('ssh-exec')
let count = 0
let file: string

beforeAll(async () => {
  ;[sshd, gateway] = await Promise.all([Sshd.start(), Gateway.start()])
  await gateway.platform.policy('test', POLICIES)
  await gateway.platform.rule('secrets', { detect: ['aws_access_key'] })
  await gateway.connectTo('build-host', sshd)
  token = await gateway.platform.agentToken()
}, 60_000)

afterAll(async () => {
  await gateway?.stop()
  await sshd?.stop()
})

beforeEach(() => {
  count += 1
  file = path.join(dir, `file-${count}`)
})

const run = (command: string, input?: string | Buffer, ...options: readonly string[]) => gateway.ssh(token, [...options, 'build-host@127.0.0.1', command], input)
const recorded = async (text: string) => {
  await gateway.platform.settled()
  return (await gateway.platform.commands({ connection: 'build-host', text }))[0]
}

describe('allowed', () => {
  test('it runs on the target: both streams, the status, and the record', async () => {
    const done = await run('sh -c "echo out; echo err >&2; exit 3"')
    expect({ ...done, out: done.out.toString() }).toEqual({ code: 3, out: 'out\n', err: 'err\n' })
    expect(await recorded('echo out')).toMatchObject({
      uid: 'coding-agent', class: 'read', decision: { outcome: 'allow' }, finish: { outcome: 'completed', status: 'exit 3', bytesOut: 8, facts: { exitStatus: 3 } },
    })
  })

  test('input goes through whole, is recorded by its digest, and its end reaches the program', async () => {
    const input = randomBytes(3 * 1024 * 1024)
    const done = await run(`tee ${file} | wc -c`, input)
    expect(done.out.toString().trim()).toBe(String(input.length))
    expect(readFileSync(file).equals(input)).toBe(true)
    expect((await recorded('tee'))?.finish).toMatchObject({ facts: { bytesIn: input.length } })
  })

  test('output that is no text arrives byte for byte', async () => {
    const bytes = randomBytes(2 * 1024 * 1024)
    writeFileSync(file, bytes)
    expect((await run(`cat ${file}`)).out.equals(bytes)).toBe(true)
  })

  test('secrets are masked in both streams, however they are cut', async () => {
    const done = await run(`sh -c "printf AKIAIOSF; sleep 0.05; printf ODNN7EXAMPLE; echo; echo ${KEY} >&2"`)
    expect(done.out.toString() + done.err).not.toContain(KEY)
    expect(done.out.toString().length).toBeGreaterThan(1)
    const command = await recorded('AKIA')
    expect(JSON.stringify(command ?? {})).not.toContain(KEY)
  })

  test('several at a time on one connection', async () => {
    const client = await gateway.client({ username: 'build-host', password: token })
    const all = await Promise.all([...Array(8).keys()].map((number) => execOn(client, `echo ${number}; exit ${number}`)))
    expect(all).toEqual([...Array(8).keys()].map((number) => ({ code: number, out: `${number}\n`, err: '' })))
    client.end()
  })

  test('a program that a signal ended', async () => {
    const client = await gateway.client({ username: 'build-host', password: token })
    const end = await new Promise<unknown[]>((resolve) => {
      client.exec('kill -TERM $$', (_error, channel) => channel.on('exit', (...given: unknown[]) => resolve(given)).resume())
    })
    expect(end.slice(0, 2)).toEqual([null, 'SIGTERM'])
    client.end()
  })

  test('a signal that the client sends reaches the program', async () => {
    // Root's sshd takes no signals: another target does.
    const target = await startTarget((session) => {
      session.on('exec', (accept) => {
        const channel = accept()
        channel.write('on\n')
        session.on('signal', (_accept, _reject, { name }) => {
          channel.exit(name, false, '')
          channel.end()
        })
      })
    })
    await gateway.connect('signalled', { port: target.port, username: 'deploy', kind: 'password', secret: 'secret' }, { hostKeys: [target.hostKey] })
    const client = await gateway.client({ username: 'signalled', password: token })
    const end = await new Promise<unknown[]>((resolve) => {
      client.exec('wait', (_error, channel) => {
        channel.once('data', () => channel.signal('TERM'))
        channel.on('exit', (...given: unknown[]) => resolve(given)).resume()
      })
    })
    expect(end.slice(0, 2)).toEqual([null, 'SIGTERM'])
    client.end()
    target.close()
  })

  test('with a terminal, which is recorded with its size', async () => {
    const done = await run('test -t 0 && echo terminal', '', '-tt')
    expect(done.out.toString()).toContain('terminal')
    expect(await recorded('test -t')).toMatchObject({ finish: { outcome: 'completed' } })
  })

  test('variables: locale passes, others are judged and recorded', async () => {
    const client = await gateway.client({ username: 'build-host', password: token })
    const out = await new Promise<string>((resolve) => {
      client.exec('echo $LC_ALL $DEPLOY', { env: { LC_ALL: 'C.UTF-8', DEPLOY: 'blue' } }, (_error, channel) => {
        let text = ''
        channel.on('data', (chunk: Buffer) => { text += chunk.toString() })
        channel.on('close', () => resolve(text))
      })
    })
    expect(out).toBe('C.UTF-8 blue\n')
    expect(await recorded('DEPLOY=')).toMatchObject({ action: 'ssh.environment', class: 'execute' })
    expect(await recorded('echo $LC_ALL')).toMatchObject({ class: 'execute' })
    client.end()
  })
})

describe('denied', () => {
  test('it says why on stderr and exits with 126; the target never sees it', async () => {
    writeFileSync(file, 'stays')
    const done = await run(`rm ${file}`)
    expect(done.code).toBe(126)
    expect(done.err).toMatch(/^Sallyport denied this command: .*command cmd_[^\n]*\n$/)
    expect(existsSync(file)).toBe(true)
    expect(await recorded('rm ')).toMatchObject({ status: 'refused' })
  })

  test('the connection goes on', async () => {
    const client = await gateway.client({ username: 'build-host', password: token })
    expect(await execOn(client, `rm ${file}`)).toMatchObject({ code: 126 })
    expect(await execOn(client, 'echo on')).toMatchObject({ code: 0, out: 'on\n' })
    client.end()
  })

  test('what can\'t be read is refused as unrecognised, and recorded', async () => {
    const done = await run('echo "unfinished')
    expect(done.code).toBe(126)
    await gateway.platform.settled()
    expect((await gateway.platform.commands({ connection: 'build-host' })).filter((command) => command.class === 'unrecognised')).toMatchObject([{ status: 'refused', action: 'ssh.unrecognised' }])
  })

  test('an interactive shell and an unknown subsystem', async () => {
    expect((await gateway.ssh(token, ['build-host@127.0.0.1'])).code).toBe(126)
    expect((await gateway.ssh(token, ['-s', 'build-host@127.0.0.1', 'netconf'])).err).toContain('Sallyport denied')
    expect(await recorded('netconf')).toMatchObject({ action: 'ssh.subsystem', status: 'refused' })
  })
})

describe('held', () => {
  const start = (command: string, input = '') => {
    const child = gateway.spawn(token, ['build-host@127.0.0.1', command])
    child.stdin!.end(input)
    return { child, done: ended(child) }
  }

  test('approved: it says so at once, waits, and runs with the input that had ended before', async () => {
    const { done } = start(`touch ${file}; cat`, 'typed ahead\n')
    const approval = await gateway.platform.pending()
    expect(existsSync(file)).toBe(false)
    await gateway.platform.approve(approval.id)
    const { code, out, err } = await done
    expect(err).toContain(approval.id)
    expect({ code, out: out.toString() }).toEqual({ code: 0, out: 'typed ahead\n' })
    expect(existsSync(file)).toBe(true)
  })

  test('denied: the comment reaches the client, and nothing runs', async () => {
    const { done } = start(`touch ${file}`)
    await gateway.platform.deny((await gateway.platform.pending()).id, 'not today')
    expect(await done).toMatchObject({ code: 126, err: expect.stringContaining('not today') })
    expect(existsSync(file)).toBe(false)
  })

  test('the client leaves: withdrawn, and nothing runs', async () => {
    const { child, done } = start(`touch ${file}`)
    const approval = await gateway.platform.pending()
    child.kill('SIGKILL')
    await done
    await waitFor(async () => (await gateway.platform.approval(approval.id)).status === 'withdrawn', { timeoutMs: 10_000, what: 'the approval withdrawn' })
    expect(existsSync(file)).toBe(false)
  })

  test('the client closes the channel only: withdrawn, and the connection goes on', async () => {
    const client = await gateway.client({ username: 'build-host', password: token })
    client.exec(`touch ${file}`, (_error, channel) => void channel.stderr.once('data', () => channel.close()))
    const approval = await gateway.platform.pending()
    await waitFor(async () => (await gateway.platform.approval(approval.id)).status === 'withdrawn', { timeoutMs: 10_000, what: 'the approval withdrawn' })
    expect(await execOn(client, 'echo on')).toMatchObject({ code: 0, out: 'on\n' })
    expect(existsSync(file)).toBe(false)
    client.end()
  })

  test('parked: refused now, and run once when it is sent again after the approval; not one that still has input to come', async () => {
    await gateway.platform.policy('parks', '@id("parks") @approval("dba") @expires("1m") @park forbid (principal, action in Action::"execute", resource) when { context has program && context.program == "mkdir" };')
    const dir = `${file}-dir`
    const refused = await start(`mkdir ${dir}`).done
    expect(refused.code).toBe(126)
    expect(refused.err).toContain('parked')
    const approval = await gateway.platform.pending()
    await gateway.platform.approve(approval.id)
    const client = await gateway.client({ username: 'build-host', password: token })
    expect(await new Promise((resolve, reject) => {
      client.exec(`mkdir ${dir}`, (error, channel) => {
        if (error !== undefined) reject(error)
        else channel.on('exit', resolve).resume()
      })
    })).toBe(126)
    expect(existsSync(dir)).toBe(false)
    client.end()
    expect((await start(`mkdir ${dir}`).done).code).toBe(0)
    expect(existsSync(dir)).toBe(true)
    const again = await start(`mkdir ${dir}`).done
    expect(again).toMatchObject({ code: 126, err: expect.stringContaining('parked') })
    await gateway.platform.deny((await gateway.platform.pending()).id, 'once is enough')
  })

  test('other channels go on meanwhile', async () => {
    const client = await gateway.client({ username: 'build-host', password: token })
    const held = execOn(client, `touch ${file}`)
    const approval = await gateway.platform.pending()
    expect(await execOn(client, 'echo on')).toMatchObject({ code: 0, out: 'on\n' })
    await gateway.platform.approve(approval.id)
    expect(await held).toMatchObject({ code: 0 })
    client.end()
  })
})

describe('ended', () => {
  test('a killed session says why, and what ran is told to end', async () => {
    const child = gateway.spawn(token, ['build-host@127.0.0.1', 'echo on; exec sleep 31'])
    const done = ended(child)
    await new Promise((resolve) => { child.stdout!.once('data', resolve) })
    await gateway.platform.settled()
    const session = (await gateway.platform.sessions()).filter(({ status }) => status === 'open').at(-1)
    expect(session).toMatchObject({ connection: 'build-host' })
    await gateway.platform.bus.call(at(killSession, 'px-1'), { session: session!.id, reason: 'enough' })
    expect(await done).toMatchObject({ code: 255, err: expect.stringContaining('enough') })
    expect(await recorded('sleep 31')).toMatchObject({ finish: { outcome: 'cancelled' } })
  })

  test('the target is gone: the client is told, the command is lost', async () => {
    const child = gateway.spawn(token, ['build-host@127.0.0.1', 'echo on; sleep 0.2; kill -9 $PPID; sleep 5'])
    const done = ended(child)
    expect(await done).toMatchObject({ code: 255, err: expect.stringContaining('target') })
    expect(await recorded('PPID')).toMatchObject({ finish: { outcome: 'lost' } })
  })
})
