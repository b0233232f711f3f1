import { existsSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { ended, Gateway, POLICIES } from './gateway.js'
import { newDir, Sshd } from './sshd.js'

let sshd: Sshd
let gateway: Gateway
let token: string
const dir = newDir('ssh-exec')

beforeAll(async () => {
  ;[sshd, gateway] = await Promise.all([Sshd.start(), Gateway.start()])
  await gateway.platform.policy('test', POLICIES)
  await gateway.connectTo('build-host', sshd)
  token = await gateway.platform.agentToken()
}, 60_000)

afterAll(async () => {
  await gateway?.stop()
  await sshd?.stop()
})

const run = (command: string, input?: string | Buffer) => gateway.ssh(token, ['build-host@127.0.0.1', command], input)

describe('exec', () => {
  test('an allowed one runs on the target: both streams, the status, and the record', async () => {
    const done = await run('sh -c "echo out; echo err >&2; exit 3"')
    expect({ ...done, out: done.out.toString() }).toEqual({ code: 3, out: 'out\n', err: 'err\n' })
    await gateway.platform.settled()
    const [command] = await gateway.platform.commands({ connection: 'build-host', text: 'echo out' })
    expect(command).toMatchObject({ uid: 'coding-agent', class: 'read', decision: { outcome: 'allow' }, finish: { outcome: 'completed', status: 'exit 3', bytesOut: 8, facts: { exitStatus: 3 } } })
  })

  test('a denied one says why on stderr and exits with 126; the target never sees it', async () => {
    const done = await run('rm -rf /nowhere')
    expect(done.code).toBe(126)
    expect(done.err).toMatch(/^Sallyport denied this command: .*command cmd_/)
  })

  test('a held one says so at once, and runs when it is approved', async () => {
    const file = path.join(dir, 'held')
    const child = gateway.spawn(token, ['build-host@127.0.0.1', `touch ${file}`])
    child.stdin!.end()
    const done = ended(child)
    const approval = await gateway.platform.pending()
    expect(existsSync(file)).toBe(false)
    await gateway.platform.approve(approval.id)
    const { code, err } = await done
    expect(err).toContain(approval.id)
    expect(code).toBe(0)
    expect(existsSync(file)).toBe(true)
  })
})
