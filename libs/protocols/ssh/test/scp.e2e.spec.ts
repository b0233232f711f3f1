import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { waitFor } from '@sallyport/testing'
import { ended, Gateway, POLICIES } from './gateway.js'
import { newDir, Sshd } from './sshd.js'

const base = newDir('ssh-scp')
let sshd: Sshd
let gateway: Gateway
let token: string
let count = 0
let there: string
let here: string

const TRANSFERS = `
@id("agents-transfer") permit (principal in Group::"ai-agents", action in Action::"transfer", resource);
@id("not-secret") @reason("That is nobody's business.") forbid (principal, action, resource) when { context has path && context.path like "*/secret*" };
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
const scp = (...args: readonly string[]) => ended(gateway.spawn(token, ['-O', ...args], 'scp'))
const remote = (file: string) => `build-host@127.0.0.1:${file}`
const fileRecord = async (direction: string, file: string) => {
  await gateway.platform.settled()
  return (await gateway.platform.commands({ connection: 'build-host', text: `scp ${direction}` })).find(({ finish }) => finish?.facts?.['path'] === file)
}

describe('the protocol before SFTP (scp -O)', () => {
  test('files arrive byte for byte both ways, with size and digest in the record, mode and times where that is asked for', async () => {
    const bytes = randomBytes(5 * 1024 * 1024 + 3)
    writeFileSync(path.join(here, 'up'), bytes, { mode: 0o640 })
    utimesSync(path.join(here, 'up'), 1_000_000_000, 1_000_000_000)
    expect(await scp('-p', path.join(here, 'up'), remote(`${there}/file`))).toMatchObject({ code: 0, err: '' })
    expect(readFileSync(path.join(there, 'file')).equals(bytes)).toBe(true)
    expect(statSync(path.join(there, 'file'))).toMatchObject({ mode: 0o100640, mtimeMs: 1_000_000_000_000 })
    expect(await scp('-p', remote(`${there}/file`), path.join(here, 'down'))).toMatchObject({ code: 0, err: '' })
    expect(readFileSync(path.join(here, 'down')).equals(bytes)).toBe(true)
    expect(statSync(path.join(here, 'down')).mtimeMs).toBe(1_000_000_000_000)
    const facts = { size: bytes.length, sha256: sha256(bytes) }
    expect(await fileRecord('upload', `${there}/file`)).toMatchObject({ class: 'transfer', finish: { outcome: 'completed', facts } })
    expect(await fileRecord('download', `${there}/file`)).toMatchObject({ class: 'transfer', finish: { outcome: 'completed', facts, bytesOut: bytes.length } })
  })

  test('directories both ways; what is denied in them is left out and said', async () => {
    mkdirSync(path.join(here, 'tree/below'), { recursive: true })
    for (const name of ['one', 'below/two', 'below/empty', 'secret', 'three']) writeFileSync(path.join(here, 'tree', name), name === 'below/empty' ? '' : name)
    expect(await scp('-r', path.join(here, 'tree'), remote(there))).toMatchObject({ code: 1, err: expect.stringContaining('nobody') })
    expect(readdirSync(path.join(there, 'tree'), { recursive: true }).sort()).toEqual(['below', 'below/empty', 'below/two', 'one', 'three'])
    writeFileSync(path.join(there, 'tree/secret'), 'hidden')
    symlinkSync('../secret', path.join(there, 'tree/below/link'))
    expect(await scp('-r', remote(`${there}/tree`), path.join(here, 'back'))).toMatchObject({ code: 1, err: expect.stringContaining('nobody') })
    expect(readdirSync(path.join(here, 'back'), { recursive: true }).sort()).toEqual(['below', 'below/empty', 'below/two', 'one', 'three'])
  })

  test.each([['its path', 'secret'], ['a way around', 'x/../secret'], ['a link', 'link']])('denied by %s', async (_what, name) => {
    writeFileSync(path.join(there, 'secret'), 'hidden')
    mkdirSync(path.join(there, 'x'))
    symlinkSync('secret', path.join(there, 'link'))
    expect(await scp(remote(`${there}/${name}`), path.join(here, 'got'))).toMatchObject({ code: 1, err: expect.stringContaining('nobody') })
    expect(existsSync(path.join(here, 'got'))).toBe(false)
    writeFileSync(path.join(here, 'up'), 'overwritten')
    expect(await scp(path.join(here, 'up'), remote(`${there}/${name}`))).toMatchObject({ code: 1, err: expect.stringContaining('nobody') })
    expect(readFileSync(path.join(there, 'secret'), 'utf8')).toBe('hidden')
  })

  test('what is not there, and what the target refuses, are said', async () => {
    expect(await scp(remote(`${there}/none`), here)).toMatchObject({ code: 1, err: expect.stringContaining('No such file') })
    writeFileSync(path.join(here, 'up'), 'x')
    expect(await scp(path.join(here, 'up'), remote(`${there}/none/up`))).toMatchObject({ code: 1, err: expect.stringContaining('No such file') })
    expect(await scp(remote(`${there}/*`), here)).toMatchObject({ code: 1, err: expect.stringContaining('-O') })
  })

  test('a client that is killed midway: what went is in the record', async () => {
    writeFileSync(path.join(there, 'big'), randomBytes(32 * 1024 * 1024))
    const child = gateway.spawn(token, ['-O', '-l', '8000', remote(`${there}/big`), path.join(here, 'down')], 'scp')
    await waitFor(() => existsSync(path.join(here, 'down')) && statSync(path.join(here, 'down')).size > 100_000, { timeoutMs: 20_000, what: 'the beginning of the file' })
    child.kill('SIGKILL')
    await ended(child)
    expect(await fileRecord('download', `${there}/big`)).toMatchObject({ finish: { outcome: 'cancelled', facts: { direction: 'download' } } })
  }, 60_000)

  test.each([
    ['a line that is none', 'hello\n'],
    ['a name that leads out', 'C0644 1 ../x\n'],
    ['a directory that was not asked for', 'D0755 0 x\n'],
    ['an end without a beginning', 'E\n'],
    ['a line without an end', 'C'.repeat(10_000)],
  ])('%s is refused', async (_what, sent) => {
    const done = await gateway.ssh(token, ['build-host@127.0.0.1', `scp -t ${there}`], sent)
    expect(done).toMatchObject({ code: 1, err: expect.stringContaining('Sallyport') })
    expect(readdirSync(there)).toEqual([])
  })
})
