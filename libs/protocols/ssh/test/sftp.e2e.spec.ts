import { execFile, type ChildProcess } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { waitFor } from '@sallyport/testing'
import type { SFTPWrapper } from 'ssh2'
import { ended, Gateway, POLICIES } from './gateway.js'
import { newDir, Sshd } from './sshd.js'

const base = newDir('ssh-sftp')
let sshd: Sshd
let gateway: Gateway
let token: string
let count = 0
/** On the target, and on the client's side. */
let there: string
let here: string

const TRANSFERS = `
@id("agents-transfer") permit (principal in Group::"ai-agents", action in Action::"transfer", resource);
@id("agents-change") permit (principal in Group::"ai-agents", action in Action::"write", resource);
@id("not-secret") @reason("That is nobody's business.") forbid (principal, action, resource) when { context has path && context.path like "*/secret*" };
@id("held-uploads") @approval("dba") @expires("1m") @reason("Uploads there are seen by a person.")
forbid (principal, action in Action::"transfer", resource) when { context has path && context.path like "*/held*" && context has direction && context.direction == "upload" };
`

beforeAll(async () => {
  ;[sshd, gateway] = await Promise.all([Sshd.start(), Gateway.start()])
  await gateway.platform.policy('test', POLICIES + TRANSFERS)
  await gateway.connectTo('build-host', sshd)
  token = await gateway.platform.agentToken()
}, 60_000)

afterAll(async () => {
  await gateway?.stop()
  await sshd?.stop()
})

beforeEach(() => {
  count += 1
  there = path.join(base, `there-${count}`)
  here = path.join(base, `here-${count}`)
  for (const dir of [there, here]) mkdirSync(dir)
})

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
const start = (batch: string): ChildProcess => {
  const child = gateway.spawn(token, ['-o', 'BatchMode=no', '-b', '-', 'build-host@127.0.0.1'], 'sftp')
  child.stdin!.end(batch)
  return child
}
const sftp = async (...batch: readonly string[]) => {
  const { code, out, err } = await ended(start(batch.map((line) => `${line}\n`).join('')))
  return { code, out: out.toString(), err }
}
const scp = (...args: readonly string[]) => ended(gateway.spawn(token, args, 'scp'))
const remote = (file: string) => `build-host@127.0.0.1:${file}`
const recorded = async (text: string) => {
  await gateway.platform.settled()
  return gateway.platform.commands({ connection: 'build-host', text })
}
/** Of the file that went, whose name the log may have masked. */
const fileRecord = async (direction: string, file: string) => (await recorded(`sftp ${direction}`)).find(({ finish }) => finish?.facts?.['path'] === file)
const client = async (): Promise<{ readonly session: SFTPWrapper; readonly close: () => void }> => {
  const connection = await gateway.client({ username: 'build-host', password: token })
  return { session: await promisify(connection.sftp.bind(connection) as (done: (error: Error | undefined, session: SFTPWrapper) => void) => void)() as SFTPWrapper, close: () => connection.end() }
}

describe('allowed', () => {
  test('files arrive byte for byte both ways, with size and digest in the record', async () => {
    const bytes = randomBytes(3 * 1024 * 1024 + 17)
    writeFileSync(path.join(here, 'up'), bytes)
    expect(await sftp(`put ${here}/up ${there}/file`, `get ${there}/file ${here}/down`)).toMatchObject({ code: 0, err: '' })
    expect(readFileSync(path.join(there, 'file')).equals(bytes)).toBe(true)
    expect(readFileSync(path.join(here, 'down')).equals(bytes)).toBe(true)
    const facts = { size: bytes.length, sha256: sha256(bytes), path: `${there}/file`, sequential: true }
    expect(await fileRecord('upload', `${there}/file`)).toMatchObject({ uid: 'coding-agent', class: 'transfer', finish: { outcome: 'completed', facts: { ...facts, direction: 'upload' } } })
    expect(await fileRecord('download', `${there}/file`)).toMatchObject({ class: 'transfer', finish: { outcome: 'completed', bytesOut: bytes.length, facts: { ...facts, direction: 'download' } } })
  })

  test('scp both ways, whole directories, with times', async () => {
    mkdirSync(path.join(here, 'tree'))
    for (let number = 0; number < 20; number += 1) writeFileSync(path.join(here, 'tree', `file-${number}`), randomBytes(1000 * number))
    expect(await scp('-rp', path.join(here, 'tree'), remote(there))).toMatchObject({ code: 0, err: '' })
    expect(await scp('-rp', remote(`${there}/tree`), path.join(here, 'back'))).toMatchObject({ code: 0, err: '' })
    for (const name of readdirSync(path.join(here, 'tree'))) expect(readFileSync(path.join(here, 'back', name)).equals(readFileSync(path.join(here, 'tree', name)))).toBe(true)
  })

  test('directories, names, links and modes', async () => {
    writeFileSync(path.join(there, 'a'), 'a')
    const done = await sftp(`cd ${there}`, 'mkdir dir', 'rename a dir/b', 'ln -s dir/b link', 'ln dir/b hard', 'chmod 600 hard', 'ls -l', 'rm link', 'df', 'rm dir/b', 'rmdir dir')
    expect(done).toMatchObject({ code: 0, err: '' })
    expect(readdirSync(there)).toEqual(['hard'])
    for (const text of ['mkdir', 'rename', 'symlink', 'hardlink', 'setstat', 'remove', 'rmdir', 'opendir']) expect((await recorded(`sftp ${text} `))[0]).toMatchObject({ finish: { outcome: 'completed' } })
  })

  test('the server started as a command is the same', async () => {
    writeFileSync(path.join(there, 'secret'), 'hidden')
    writeFileSync(path.join(there, 'open'), 'open')
    const child = gateway.spawn(token, ['-o', 'BatchMode=no', '-b', '-', '-s', '/usr/lib/openssh/sftp-server', 'build-host@127.0.0.1'], 'sftp')
    child.stdin!.end(`get ${there}/open ${here}/open\nget ${there}/secret ${here}/secret\n`)
    expect(await ended(child)).toMatchObject({ code: 1, err: expect.stringContaining('nobody') })
    expect(readdirSync(here)).toEqual(['open'])
  })
})

describe('denied', () => {
  beforeEach(() => writeFileSync(path.join(there, 'secret'), 'hidden'))

  test.each([
    ['its path', (dir: string) => `${dir}/secret`],
    ['doubled slashes and dots', (dir: string) => `${dir}//.///secret`],
    ['a way around', (dir: string) => `${dir}/x/../secret`],
  ])('by %s: the reason reaches the client, the channel goes on', async (_what, spelt) => {
    mkdirSync(path.join(there, 'x'))
    writeFileSync(path.join(there, 'open'), 'open')
    const done = await sftp(`-get ${spelt(there)} ${here}/got`, `get ${there}/open ${here}/open`)
    expect(done).toMatchObject({ code: 0 })
    expect(existsSync(path.join(here, 'got'))).toBe(false)
    expect(readFileSync(path.join(here, 'open'), 'utf8')).toBe('open')
  })

  test('an open is recorded as refused and its client told why', async () => {
    const { session, close } = await client()
    await expect(promisify(session.open.bind(session) as never as (name: string, mode: string) => Promise<unknown>)(`${there}/secret`, 'r')).rejects.toThrow(/nobody's business/)
    close()
    expect((await recorded('sftp download'))[0]).toMatchObject({ decision: { outcome: 'deny' } })
  })

  test('where a relative link would lead from the directory that it is really made in', async () => {
    for (const name of ['dir/sub', 'secrets']) mkdirSync(path.join(there, name), { recursive: true })
    symlinkSync('../secrets', path.join(there, 'dir', 'x'))
    symlinkSync('dir/sub', path.join(there, 'hop'))
    const { session, close } = await client()
    // The library has OpenSSH's order of paths for OpenSSH's server only.
    await expect(promisify(session.symlink.bind(session))(`${there}/hop/../link`, 'x/key')).rejects.toThrow(/nobody's business/)
    close()
    expect(existsSync(path.join(there, 'dir', 'link'))).toBe(false)
  })

  test('links are judged by what they lead to: existing ones, of directories, dangling ones that would be written through, and chains', async () => {
    mkdirSync(path.join(there, 'dir'))
    symlinkSync('../secret', path.join(there, 'dir', 'one'))
    symlinkSync('dir/one', path.join(there, 'two'))
    symlinkSync('.', path.join(there, 'same'))
    symlinkSync(`${there}/secret-new`, path.join(there, 'dangling'))
    const { session, close } = await client()
    const open = promisify(session.open.bind(session) as never as (name: string, mode: string, done: (error?: Error) => void) => void) as never as (name: string, mode: string) => Promise<unknown>
    for (const name of ['dir/one', 'two', 'same/two', 'same/same/dir/one', 'dir/../two']) await expect(open(`${there}/${name}`, 'r')).rejects.toThrow(/nobody's business/)
    await expect(open(`${there}/dangling`, 'w')).rejects.toThrow(/nobody's business/)
    expect(existsSync(path.join(there, 'secret-new'))).toBe(false)
    symlinkSync('secret', path.join(there, 'late'))
    await expect(open(`${there}/late`, 'r')).rejects.toThrow(/nobody's business/)
    close()
  })

  test('links and names that would lead around the rule are refused', async () => {
    writeFileSync(path.join(there, 'open'), 'open')
    for (const line of [`ln -s secret ${there}/link`, `ln ${there}/secret ${there}/hard`, `rename ${there}/secret ${there}/free`, `rename ${there}/open ${there}/secret`, `rm ${there}/secret`]) {
      expect(await sftp(line)).toMatchObject({ code: 1, err: expect.stringContaining('nobody') })
    }
    expect(readdirSync(there).sort()).toEqual(['open', 'secret'])
  })
})

describe('held', () => {
  test('approved: it goes on, and the client was told', async () => {
    writeFileSync(path.join(here, 'file'), 'content')
    const done = sftp(`put ${here}/file ${there}/held`)
    const approval = await gateway.platform.pending()
    expect(existsSync(path.join(there, 'held'))).toBe(false)
    await gateway.platform.approve(approval.id)
    expect(await done).toMatchObject({ code: 0, err: expect.stringContaining(approval.id) })
    expect(readFileSync(path.join(there, 'held'), 'utf8')).toBe('content')
  })

  test('denied: the comment reaches the client', async () => {
    writeFileSync(path.join(here, 'file'), 'content')
    const done = sftp(`put ${here}/file ${there}/held`)
    await gateway.platform.deny((await gateway.platform.pending()).id, 'not today')
    expect(await done).toMatchObject({ code: 1, err: expect.stringContaining('not today') })
    expect(existsSync(path.join(there, 'held'))).toBe(false)
  })

  test('the client leaves: withdrawn', async () => {
    writeFileSync(path.join(here, 'file'), 'content')
    const child = start(`put ${here}/file ${there}/held\n`)
    const approval = await gateway.platform.pending()
    child.kill('SIGKILL')
    await waitFor(async () => (await gateway.platform.approval(approval.id)).status === 'withdrawn', { timeoutMs: 10_000, what: 'the approval withdrawn' })
    expect(existsSync(path.join(there, 'held'))).toBe(false)
  })

  test('the path leads elsewhere when it is approved: refused', async () => {
    writeFileSync(path.join(here, 'file'), 'content')
    const done = sftp(`put ${here}/file ${there}/held`)
    const approval = await gateway.platform.pending()
    symlinkSync(`${there}/other`, path.join(there, 'held'))
    await gateway.platform.approve(approval.id)
    expect(await done).toMatchObject({ code: 1 })
    expect(existsSync(path.join(there, 'other'))).toBe(false)
  })
})

describe('large and many', () => {
  test('64 MiB both ways', async () => {
    const bytes = randomBytes(64 * 1024 * 1024)
    writeFileSync(path.join(here, 'up'), bytes)
    expect(await scp(path.join(here, 'up'), remote(`${there}/big`))).toMatchObject({ code: 0 })
    expect(await scp(remote(`${there}/big`), path.join(here, 'down'))).toMatchObject({ code: 0 })
    expect(readFileSync(path.join(here, 'down')).equals(bytes)).toBe(true)
    expect(await fileRecord('upload', `${there}/big`)).toMatchObject({ finish: { facts: { size: bytes.length, sha256: sha256(bytes) } } })
  }, 60_000)

  test('a thousand small files', async () => {
    mkdirSync(path.join(here, 'many'))
    for (let number = 0; number < 1000; number += 1) writeFileSync(path.join(here, 'many', `file-${number}`), `content ${number}`)
    expect(await scp('-r', path.join(here, 'many'), remote(there))).toMatchObject({ code: 0 })
    expect(readdirSync(path.join(there, 'many'))).toHaveLength(1000)
  }, 60_000)

  test('a client that is killed midway: what went is in the record', async () => {
    writeFileSync(path.join(there, 'big'), randomBytes(64 * 1024 * 1024))
    const child = gateway.spawn(token, ['-l', '8000', remote(`${there}/big`), path.join(here, 'down')], 'scp')
    await waitFor(() => existsSync(path.join(here, 'down')) && readFileSync(path.join(here, 'down')).length > 100_000, { timeoutMs: 20_000, what: 'the beginning of the file' })
    child.kill('SIGKILL')
    await ended(child)
    const finish = (await fileRecord('download', `${there}/big`))?.finish
    expect(finish).toMatchObject({ outcome: 'cancelled', facts: { direction: 'download' } })
    expect(finish?.facts?.['size']).toBeGreaterThan(100_000)
  }, 60_000)
})

test('a Python client (asyncssh)', async () => {
  const bytes = randomBytes(2 * 1024 * 1024 + 5)
  writeFileSync(path.join(here, 'up'), bytes)
  writeFileSync(path.join(there, 'secret'), 'hidden')
  const script = `
import asyncio, os, asyncssh
async def main():
    async with asyncssh.connect('127.0.0.1', port=${gateway.port}, username='build-host', password=os.environ['SECRET'], known_hosts=None, config=None, client_keys=None, agent_path=None) as connection:
        async with connection.start_sftp_client() as sftp:
            await sftp.put('${here}/up', '${there}/file')
            await sftp.get('${there}/file', '${here}/down')
            await sftp.chdir('${there}')
            print(sorted(await sftp.listdir()))
            async with sftp.open('file', 'rb') as f:
                assert await f.read(10, 1000) == open('${here}/up', 'rb').read()[1000:1010]
            try:
                await sftp.open('secret', 'rb')
            except asyncssh.SFTPPermissionDenied as error:
                print(error.reason)
            print((await sftp.stat('file')).size)
asyncio.run(main())
`
  const { stdout } = await promisify(execFile)('/usr/bin/python3', ['-c', script], { env: { SECRET: token, HOME: here } })
  expect(stdout).toContain('nobody\'s business')
  expect(stdout).toContain(String(bytes.length))
  expect(readFileSync(path.join(here, 'down')).equals(bytes)).toBe(true)
}, 30_000)
