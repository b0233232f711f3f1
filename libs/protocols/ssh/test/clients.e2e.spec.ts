import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { ended, Gateway } from './gateway.js'
import { newDir, Sshd } from './sshd.js'

const POLICIES = `
@id("agents") permit (principal in Group::"ai-agents", action in [Action::"connect", Action::"read", Action::"write", Action::"execute", Action::"transfer"], resource)
unless { context has program && context.program == "reboot" };
@id("nothing-into-vault") @reason("The vault is not written to.")
forbid (principal in Group::"ai-agents", action in Action::"transfer", resource) when { context has path && context.path like "*/vault/*" && context has direction && context.direction == "upload" };
`
const KEY = 'AKIAIOSFODNN7EXAMPLE'
const TIMEOUT_MS = 60_000

let sshd: Sshd
let gateway: Gateway
let token: string
/** Sockets of shared connections have short names. */
const desk = newDir('ssh-desk')
// No random name: the log hides what looks like a secret, and long paths with one do.
const dir = path.join(tmpdir(), `ssh-clients-${process.pid}`)
let count = 0
/** A directory of the test's own on the target. */
let there: string
/** One of the client's. */
let here: string

beforeAll(async () => {
  ;[sshd, gateway] = await Promise.all([Sshd.start(), Gateway.start()])
  await gateway.platform.policy('test', POLICIES)
  await gateway.platform.rule('secrets', { detect: ['aws_access_key'] })
  await gateway.connectTo('build-host', sshd)
  token = await gateway.platform.agentToken()
}, TIMEOUT_MS)

afterAll(async () => {
  await gateway?.stop()
  await sshd?.stop()
  rmSync(dir, { recursive: true, force: true })
})

beforeEach(() => {
  count += 1
  there = path.join(dir, `there-${count}`)
  here = path.join(dir, `here-${count}`)
  for (const each of [there, here]) mkdirSync(each, { recursive: true })
})

interface Done { readonly code: number | null; readonly out: string; readonly err: string }

const run = (program: string, args: readonly string[], env: Readonly<Record<string, string>>, cwd = here): Promise<Done> => new Promise((resolve) => {
  execFile(program, args, { env, cwd, timeout: TIMEOUT_MS, maxBuffer: 16 * 1024 * 1024 }, (error, out, err) => resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : null, out, err }))
})
/** OpenSSH's options and environment for whoever starts it for itself. */
const openssh = () => {
  const { args, env } = gateway.openssh(token, [])
  return { env: { ...env, HOME: here }, args, command: ['ssh', ...args].join(' ') }
}
/** In the order in which they were asked for. The store's own search is by words: a path is one. */
const recorded = async (text: string) => {
  await gateway.platform.settled()
  return (await gateway.platform.commands({ connection: 'build-host' })).filter(({ statement }) => statement.includes(text)).sort((a, b) => a.requestedAt.localeCompare(b.requestedAt))
}

describe('ssh', () => {
  test('in the middle of pipes, both ways', async () => {
    const { env, command } = openssh()
    const done = await run('sh', ['-c', `seq 1 100000 | ${command} build-host@127.0.0.1 'sort -rn | head -3' | tr '\\n' ,`], env)
    expect(done).toEqual({ code: 0, out: '100000,99999,99998,', err: '' })
    expect(await recorded('sort -rn')).toMatchObject([{ status: 'completed', finish: { facts: { bytesIn: 588895, bytesOut: 19 } } }])
  })

  test('several sessions share one connection: one log-in, one session in the log, each command in it', async () => {
    const { env, args } = openssh()
    const shared = [...args, '-o', `ControlPath=${desk}/shared`]
    const before = sshd.log().split('Accepted publickey').length
    const master = gateway.spawn(token, ['-o', `ControlPath=${desk}/shared`, '-M', '-N', 'build-host@127.0.0.1'])
    const gone = ended(master)
    while (!existsSync(path.join(desk, 'shared'))) await new Promise((resolve) => { setTimeout(resolve, 20) })
    const all = await Promise.all([1, 2, 3, 4].map((number) => run('ssh', [...shared, 'build-host@127.0.0.1', `echo shared-${number}; echo ${number} > ${there}/${number}`], { ...env, SECRET: 'no secret is asked for' })))
    expect(all.map(({ code, out }) => [code, out])).toEqual([1, 2, 3, 4].map((number) => [0, `shared-${number}\n`]))
    expect((await run('ssh', [...shared, 'build-host@127.0.0.1', 'reboot'], env)).code).toBe(126)
    expect(await run('ssh', [...shared, '-O', 'exit', 'build-host@127.0.0.1'], env)).toMatchObject({ code: 0 })
    await gone
    expect([1, 2, 3, 4].map((number) => readFileSync(path.join(there, String(number)), 'utf8'))).toEqual(['1\n', '2\n', '3\n', '4\n'])
    expect(sshd.log().split('Accepted publickey').length - before).toBe(1)
    const commands = await recorded('shared-')
    expect(commands.map(({ status }) => status)).toEqual(['completed', 'completed', 'completed', 'completed'])
    expect(new Set([...commands, ...await recorded('reboot')].map(({ session }) => session)).size).toBe(1)
  })
})

test('git clones and pushes', async () => {
  const { env, command } = openssh()
  const git = (args: readonly string[], cwd = here) => run('git', ['-c', 'user.name=agent', '-c', 'user.email=agent@localhost', '-c', 'safe.directory=*', ...args], { ...env, GIT_SSH_COMMAND: command }, cwd)
  await git(['init', '-q', '--bare', '-b', 'main', `${there}/shop.git`])
  expect(await git(['clone', '-q', `ssh://build-host@127.0.0.1${there}/shop.git`, 'shop'])).toMatchObject({ code: 0 })
  const work = path.join(here, 'shop')
  writeFileSync(path.join(work, 'picture'), randomBytes(300_000))
  for (const args of [['checkout', '-q', '-B', 'main'], ['add', '.'], ['commit', '-q', '-m', 'A picture']]) await git(args, work)
  expect(await git(['push', '-q', 'origin', 'main'], work)).toMatchObject({ code: 0 })
  const head = (await git(['rev-parse', 'HEAD'], work)).out
  expect((await git(['rev-parse', 'main'], path.join(there, 'shop.git'))).out).toBe(head)
  expect(await git(['clone', '-q', `ssh://build-host@127.0.0.1${there}/shop.git`, 'again'])).toMatchObject({ code: 0 })
  expect(readFileSync(path.join(here, 'again/picture')).equals(readFileSync(path.join(work, 'picture')))).toBe(true)
  const commands = await recorded('shop.git')
  expect(commands.map(({ action, status, finish }) => [action, status, finish?.status])).toEqual(Array(3).fill(['ssh.transfer', 'completed', 'exit 0']))
})

test('rsync copies both ways, and only what has changed', async () => {
  const { env, command } = openssh()
  const sync = (...args: readonly string[]) => run('rsync', ['-a', '-e', command, ...args], env)
  mkdirSync(path.join(here, 'out/below'), { recursive: true })
  writeFileSync(path.join(here, 'out/below/bytes'), randomBytes(1_000_000))
  writeFileSync(path.join(here, 'out/words'), 'one\ntwo\n')
  expect(await sync('out/', `build-host@127.0.0.1:${there}/in/`)).toEqual({ code: 0, out: '', err: '' })
  expect(readFileSync(path.join(there, 'in/below/bytes')).equals(readFileSync(path.join(here, 'out/below/bytes')))).toBe(true)
  writeFileSync(path.join(here, 'out/words'), 'one\ntwo\nthree\n')
  expect(await sync('out/', `build-host@127.0.0.1:${there}/in/`)).toMatchObject({ code: 0 })
  expect(await sync(`build-host@127.0.0.1:${there}/in/`, 'back/')).toEqual({ code: 0, out: '', err: '' })
  expect(readFileSync(path.join(here, 'back/words'), 'utf8')).toBe('one\ntwo\nthree\n')
  expect(readFileSync(path.join(here, 'back/below/bytes')).equals(readFileSync(path.join(here, 'out/below/bytes')))).toBe(true)
  const [whole, changed, back] = await recorded(`${there}/in`)
  for (const each of [whole, changed, back]) expect(each).toMatchObject({ action: 'ssh.transfer', class: 'transfer', status: 'completed' })
  expect(Number(whole!.finish!.facts!['bytesIn'])).toBeGreaterThan(1_000_000)
  expect(Number(changed!.finish!.facts!['bytesIn'])).toBeLessThan(10_000)
  expect(Number(back!.finish!.facts!['bytesOut'])).toBeGreaterThan(1_000_000)
})

test('rsync to where policy has nothing written: refused, nothing arrives, and it is in the log', async () => {
  const { env, command } = openssh()
  mkdirSync(path.join(there, 'vault'))
  writeFileSync(path.join(here, 'words'), 'one\n')
  const done = await run('rsync', ['-a', '-e', command, 'words', `build-host@127.0.0.1:${there}/vault/words`], env)
  expect(done.code).not.toBe(0)
  expect(done.err).toContain('The vault is not written to.')
  expect(existsSync(path.join(there, 'vault/words'))).toBe(false)
  expect(await recorded('vault/words')).toMatchObject([{ action: 'ssh.transfer', status: 'refused' }])
})

const ASYNCSSH = `
import asyncio, os, sys, asyncssh
async def main():
    async with asyncssh.connect('127.0.0.1', port=int(sys.argv[1]), username='build-host', password=os.environ['SECRET'], known_hosts=None, config=None, client_keys=None, agent_path=None) as connection:
        done, denied = await asyncio.gather(connection.run('tee ' + sys.argv[2] + '; echo to-stderr >&2; exit 3', input='from Python\\n'), connection.run('reboot'))
        print(repr(done.stdout), repr(done.stderr), done.exit_status)
        print(denied.exit_status, denied.stderr)
asyncio.run(main())
`

test('a Python client (asyncssh) runs commands on one connection, and is told what is refused', async () => {
  const { env } = openssh()
  const done = await run('/usr/bin/python3', ['-W', 'ignore', '-c', ASYNCSSH, String(gateway.port), `${there}/file`], env)
  expect(done.err).toBe('')
  expect(done.out).toMatch(/^'from Python\\n' 'to-stderr\\n' 3\n126 Sallyport denied this command/)
  expect(readFileSync(path.join(there, 'file'), 'utf8')).toBe('from Python\n')
  expect(await recorded(`tee ${there}`)).toMatchObject([{ status: 'completed', finish: { status: 'exit 3', facts: { bytesIn: 12 } } }])
})

describe('scp', () => {
  const copy = (mode: readonly string[], from: string, to: string) => {
    const { env, args } = openssh()
    return run('scp', [...mode, ...args, from, to], env)
  }
  const both = async (mode: readonly string[]) => {
    const bytes = randomBytes(1_500_000)
    writeFileSync(path.join(here, 'up'), bytes)
    expect(await copy(mode, 'up', `build-host@127.0.0.1:${there}/file`)).toMatchObject({ code: 0 })
    expect(readFileSync(path.join(there, 'file')).equals(bytes)).toBe(true)
    expect(await copy(mode, `build-host@127.0.0.1:${there}/file`, 'down')).toMatchObject({ code: 0 })
    expect(readFileSync(path.join(here, 'down')).equals(bytes)).toBe(true)
    const commands = (await recorded(`${there}/file`)).filter(({ class: actionClass }) => actionClass === 'transfer')
    expect(commands.length).toBeGreaterThanOrEqual(2)
    for (const { status } of commands) expect(status).toBe('completed')
    return { commands, digest: createHash('sha256').update(bytes).digest('hex') }
  }

  test('by its own protocol (-O), both ways', async () => {
    await both(['-O'])
  })

  test('by SFTP, both ways, with the digest of what went through', async () => {
    const { commands, digest } = await both([])
    expect(commands.filter((command) => JSON.stringify(command).includes(digest)).length).toBe(2)
  })
})

describe('sftp', () => {
  test('puts, lists, renames and gets; the log has each', async () => {
    const { env, args } = openssh()
    writeFileSync(path.join(here, 'words'), 'one\ntwo\n')
    writeFileSync(path.join(here, 'batch'), [`cd ${there}`, 'put words first', 'rename first second', 'ls -l', 'get second back', 'rm second', ''].join('\n'))
    const done = await run('sftp', ['-o', 'BatchMode=no', ...args, '-b', 'batch', 'build-host@127.0.0.1'], env)
    expect(done).toEqual({ code: 0, out: expect.stringContaining('second'), err: '' })
    expect(readFileSync(path.join(here, 'back'), 'utf8')).toBe('one\ntwo\n')
    expect(existsSync(path.join(there, 'second'))).toBe(false)
    const commands = await recorded(there)
    expect(commands.filter((command) => ['transfer', 'write'].includes(command.class)).map(({ action, status }) => [action, status])).toEqual(['ssh.transfer', 'ssh.transfer.change', 'ssh.transfer', 'ssh.transfer.change'].map((action) => [action, 'completed']))
  })
})

describe('Ansible', () => {
  const ansible = async (module: string, args: string, more: Readonly<Record<string, string>> = {}): Promise<Done> => {
    const { env, args: options } = openssh()
    const inventory = path.join(here, 'inventory')
    writeFileSync(inventory, `build-host ansible_host=127.0.0.1 ansible_user=build-host ansible_python_interpreter=/usr/bin/python3 ansible_remote_tmp=${there}/.ansible\n`)
    chmodSync(inventory, 0o600)
    return run('ansible', ['build-host', '-i', inventory, '-m', module, ...(args === '' ? [] : ['-a', args])], {
      ...env, ANSIBLE_SSH_ARGS: [...options, '-o', 'PasswordAuthentication=yes'].join(' '), ANSIBLE_LOCAL_TEMP: path.join(here, 'tmp'), ANSIBLE_HOME: path.join(here, 'ansible'), ANSIBLE_NOCOLOR: '1', LC_ALL: 'C.UTF-8', ...more,
    })
  }

  test('pings, by pipes alone (pipelining)', async () => {
    const done = await ansible('ping', '', { ANSIBLE_PIPELINING: '1' })
    expect(done.out + done.err).toContain('"ping": "pong"')
    expect((await recorded('/usr/bin/python3')).filter(({ status }) => status === 'completed').length).toBeGreaterThan(0)
  })

  test('runs a command, with masked output, by pipes alone', async () => {
    const done = await ansible('command', `touch ${there}/made`, { ANSIBLE_PIPELINING: '1' })
    expect(done.code).toBe(0)
    expect(existsSync(path.join(there, 'made'))).toBe(true)
    expect((await ansible('command', `printf '${KEY}'`, { ANSIBLE_PIPELINING: '1' })).out).not.toContain(KEY)
  })

  test.each(['scp', 'piped'])('copies a file, by %s', async (method) => {
    writeFileSync(path.join(here, 'words'), 'one\ntwo\n')
    const done = await ansible('copy', `src=${here}/words dest=${there}/copied`, { ANSIBLE_SSH_TRANSFER_METHOD: method, ANSIBLE_SCP_EXTRA_ARGS: '-O' })
    expect(done.out + done.err).toContain('"changed": true')
    expect(readFileSync(path.join(there, 'copied'), 'utf8')).toBe('one\ntwo\n')
    expect((await recorded(`${there}/.ansible`)).every(({ status }) => status === 'completed')).toBe(true)
  }, TIMEOUT_MS)

  test('copies a file, by SFTP', async () => {
    writeFileSync(path.join(here, 'words'), 'one\ntwo\n')
    const done = await ansible('copy', `src=${here}/words dest=${there}/copied`)
    expect(done.out + done.err).toContain('"changed": true')
    expect(readFileSync(path.join(there, 'copied'), 'utf8')).toBe('one\ntwo\n')
  })
})
