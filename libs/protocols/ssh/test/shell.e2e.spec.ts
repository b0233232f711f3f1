import { mkdirSync, realpathSync } from 'node:fs'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { Gateway, POLICIES } from './gateway.js'
import { Shell } from './shell-client.js'
import { newDir, Sshd } from './sshd.js'

let sshd: Sshd
let gateway: Gateway
let token: string
const dir = realpathSync(newDir('ssh-shell'))
const shells: Shell[] = []

beforeAll(async () => {
  ;[sshd, gateway] = await Promise.all([Sshd.start(), Gateway.start()])
  await gateway.platform.policy('test', POLICIES)
  await gateway.connectTo('governed', sshd, { shell: 'governed' })
  token = await gateway.platform.agentToken()
}, 60_000)

afterEach(() => {
  for (const shell of shells.splice(0)) shell.child.kill()
})

afterAll(async () => {
  await gateway?.stop()
  await sshd?.stop()
})

const open = (connection: string): Shell => {
  const shell = new Shell(gateway.spawn(token, ['-tt', `${connection}@127.0.0.1`]))
  shells.push(shell)
  return shell
}

const commands = (text: string) => gateway.platform.commands({ text })

describe('a governed shell', () => {
  test('runs line by line where the lines before have left it', async () => {
    mkdirSync(path.join(dir, 'a place'))
    const shell = open('governed')
    await shell.shows('@governed:')
    await shell.line(`cd ${dir}`)
    expect(await shell.line('pwd')).toContain(`${dir}\r\n`)
    expect(await shell.line('cd "a place" && pwd')).toContain(`${dir}/a place\r\n`)
    expect(await shell.line('pwd')).toContain(`${dir}/a place\r\n`)
    expect(await shell.line('cd -')).toContain(dir)
    await shell.line('export GREETING="it\'s a \\$day"')
    expect(await shell.line('printenv GREETING')).toContain("it's a $day\r\n")
    await shell.line('count=3')
    expect(await shell.line('echo $((count + 4)); printenv count')).toMatch(/l7\r\n(?!3)/)
    expect(await shell.line('echo $?')).toContain('1\r\n')
    await shell.line('unset GREETING')
    expect(await shell.line('echo "<$GREETING>"')).toContain('<>\r\n')
    shell.type('exit 7\r')
    expect(await shell.ended).toBe(7)
  })

  test('refuses a line and goes on; the target never sees it', async () => {
    const shell = open('governed')
    await shell.shows('$ ')
    expect(await shell.line('rm -rf /nowhere')).toMatch(/Sallyport denied this command: .*command cmd_/)
    expect(await shell.line('echo $?')).toContain('126\r\n')
    await gateway.platform.settled()
    expect((await commands('rm -rf /nowhere'))[0]).toMatchObject({ decision: { outcome: 'deny' } })
  })
})
