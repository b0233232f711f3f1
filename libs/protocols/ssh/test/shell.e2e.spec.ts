import { existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { getApproval } from '@sallyport/contracts/approval'
import { at } from '@sallyport/contracts/rpc'
import { killSession } from '@sallyport/contracts/session'
import { waitFor } from '@sallyport/testing'
import type { ClientChannel } from 'ssh2'
import { execOn, Gateway, POLICIES } from './gateway.js'
import { recordingOf, Shell, textOfFrames } from './shell-client.js'
import { newDir, Sshd } from './sshd.js'

let sshd: Sshd
let gateway: Gateway
let token: string
const dir = realpathSync(newDir('ssh-shell'))
const shells: Shell[] = []
/** No secret of anybody's; in two parts, so that this file holds none either. */
const SECRET = `AKIA${'IOSFODNN7EXAMPLE'}`

const MORE = `
@id("no-shells-of-their-own") forbid (principal, action == Action::"ssh.shell", resource == Connection::"no-shells");
@id("no-doubt") permit (principal in Group::"ai-agents", action in Action::"unrecognised", resource == Connection::"nowhere");
`

beforeAll(async () => {
  ;[sshd, gateway] = await Promise.all([Sshd.start(), Gateway.start()])
  await gateway.platform.policy('test', POLICIES + MORE)
  await gateway.platform.rule('secrets', { detect: ['aws_access_key'] })
  await gateway.connectTo('governed', sshd, { shell: 'governed' })
  await gateway.connectTo('recorded', sshd, { shell: 'recorded' })
  await gateway.connectTo('typed', sshd, { shell: 'recorded', keystrokes: true })
  await gateway.connectTo('no-shells', sshd, { shell: 'recorded' })
  await gateway.connectTo('forbidden', sshd)
  token = await gateway.platform.agentToken()
}, 60_000)

afterEach(() => {
  for (const shell of shells.splice(0)) shell.child.kill()
})

afterAll(async () => {
  await gateway?.stop()
  await sshd?.stop()
})

const open = (connection: string, ...more: readonly string[]): Shell => {
  const shell = new Shell(gateway.spawn(token, ['-tt', ...more, `${connection}@127.0.0.1`]))
  shells.push(shell)
  return shell
}

const governed = async (): Promise<Shell> => {
  const shell = open('governed')
  await shell.shows('$ ')
  return shell
}

const commands = async (filter: { readonly text?: string; readonly connection?: string }) => {
  await gateway.platform.settled()
  return gateway.platform.commands(filter)
}

describe('a governed shell', () => {
  test('runs line by line where the lines before have left it', async () => {
    mkdirSync(path.join(dir, 'a place'))
    const shell = await governed()
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
    const [line] = await commands({ connection: 'governed', text: 'printenv GREETING' })
    expect(line).toMatchObject({ statement: 'printenv GREETING', parameters: [expect.stringMatching(/^in /), 'with variables GREETING'], finish: { outcome: 'completed', status: 'exit 0' } })
  })

  test('reads lines as a person expects: editing, history, lines that go on, signs of two columns', async () => {
    const shell = await governed()
    expect(await shell.line('ecoh typed\x01\x1b[C\x1b[C\x1b[C\x14\x05 well')).toContain('ltyped well\r\n')
    expect(await shell.line('\x1b[A again')).toContain('typed well again\r\n')
    expect(await shell.line('\x12ty\x1b[Z')).toContain('typed well again')
    expect(await shell.line('echo 日本語x\x7f')).toContain('日本語\r\n')
    shell.type('for i in 1 2\r')
    await shell.shows('> ')
    shell.type('do echo n$i\r')
    await shell.shows('> ')
    expect(await shell.line('done')).toMatch(/n1\r\nn2\r\n/)
    shell.type('half a li\x03')
    await shell.shows('half a li^C\r\n')
    await shell.shows('$ ')
    expect(await shell.line('echo $?')).toContain('130\r\n')
    expect(await shell.line('history')).toMatch(/ 1 {2}echo typed well\r\n/)
    shell.type('\x04')
    expect(await shell.ended).toBe(0)
  })

  test('refuses a line and goes on; the target never sees it', async () => {
    const shell = await governed()
    const file = path.join(dir, 'stays')
    writeFileSync(file, '')
    expect(await shell.line(`cd ${dir} && rm stays`)).toMatch(/Sallyport denied this command: .*command cmd_/)
    expect(await shell.line('echo $?')).toContain('126\r\n')
    expect(existsSync(file)).toBe(true)
    expect((await commands({ text: 'rm stays' }))[0]).toMatchObject({ decision: { outcome: 'deny' } })
  })

  test('a held line says so and runs when it is approved, where it was typed', async () => {
    const shell = await governed()
    await shell.line(`cd ${dir}`)
    shell.type('touch held\r')
    await shell.shows('Ctrl-C withdraws it.')
    const approval = await gateway.platform.pending()
    // What is typed meanwhile is for nobody: not for the command, not for the prompt.
    shell.type('rm -rf /\r')
    expect(existsSync(path.join(dir, 'held'))).toBe(false)
    await gateway.platform.approve(approval.id)
    const shown = await shell.shows('$ ')
    expect(shown).not.toContain('rm -rf')
    expect(existsSync(path.join(dir, 'held'))).toBe(true)
    expect(await shell.line('echo $?')).toContain('0\r\n')
  })

  test('Ctrl-C withdraws a held line', async () => {
    const shell = await governed()
    shell.type(`touch ${path.join(dir, 'withdrawn')}\r`)
    await shell.shows('Ctrl-C withdraws it.')
    const approval = await gateway.platform.pending()
    shell.type('\x03')
    expect(await shell.shows('$ ')).toContain('^C')
    await waitFor(async () => (await gateway.platform.bus.call(getApproval, { id: approval.id })).status === 'withdrawn')
    expect(await shell.line('echo $?')).toContain('130\r\n')
    expect(existsSync(path.join(dir, 'withdrawn'))).toBe(false)
  })

  test('what is typed while a command runs goes to it, Ctrl-C too', async () => {
    const shell = await governed()
    shell.type('cat\r')
    await shell.shows('\r\n')
    shell.type('to the command\r')
    await shell.shows('to the command\r\nto the command\r\n')
    shell.type('\x04')
    await shell.shows('$ ')
    // A key that comes before the target has given the program its terminal interrupts nothing.
    shell.type('echo be"gins"; sleep 60\r')
    await shell.shows('begins\r\n')
    shell.type('\x03')
    await shell.shows('$ ')
    expect(await shell.line('echo $?')).toContain('130\r\n')
  })

  test('a whole script that is typed at once runs line by line', async () => {
    const shell = await governed()
    shell.type(`cd ${dir}\npwd; echo in-$((1 + 1))\necho three-$?\nexit 4\n`)
    await shell.shows(`${dir}\r\n`)
    await shell.shows('in-2')
    await shell.shows('three-0')
    expect(await shell.ended).toBe(4)
  })

  test('a script without a terminal: each line a command, no prompts', async () => {
    const done = await gateway.ssh(token, ['-T', 'governed@127.0.0.1'], `cd ${dir}\npwd\nrm -rf /nowhere\necho $?\nif true\nthen echo inner\nfi\nexit 3\n`)
    expect(done.out.toString()).toBe(`${dir}\n126\ninner\n`)
    expect(done.err).toMatch(/^Sallyport denied this command/)
    expect(done.code).toBe(3)
  })

  test('its recording is the terminal as it was seen, secrets hidden', async () => {
    const shell = await governed()
    const file = path.join(dir, 'credentials')
    writeFileSync(file, `aws ${SECRET} end\n`)
    const shown = await shell.line(`cat ${file}; echo ${SECRET.slice(0, 9)}''${SECRET.slice(9)}`)
    expect(shown).not.toContain(`aws ${SECRET}`)
    await shell.line(`export TOKEN=${SECRET}`)
    shell.type('exit\r')
    await shell.ended
    const [request] = (await commands({ connection: 'governed' })).filter(({ action }) => action === 'ssh.shell.governed')
    const frames = await recordingOf(gateway.platform, request!.id)
    expect(frames[0]).toMatchObject({ kind: 'resize' })
    const recorded = textOfFrames(frames)
    expect(recorded).toContain(`@governed:`)
    expect(recorded).toContain(`cat ${file}; echo`)
    expect(recorded).toContain('aws ')
    expect(recorded).not.toContain(SECRET)
  })

  test('what looks like a secret in a line is in its recording neither as history nor where the line was given up', async () => {
    const shell = await governed()
    await shell.line('true --password open-sesame')
    expect(await shell.line('history')).toContain('true --password open-sesame')
    shell.type('true --password given-up\x03')
    await shell.shows('^C')
    await shell.line('true')
    shell.type('exit\r')
    await shell.ended
    const [request] = (await commands({ connection: 'governed' })).filter(({ action }) => action === 'ssh.shell.governed')
    const recorded = textOfFrames(await recordingOf(gateway.platform, request!.id))
    expect(recorded).toContain('1  true --password ***')
    expect(recorded).not.toMatch(/open-sesame|given-up/)
  })
})

/** The library's client at a terminal of a known size. */
const terminalOf = async (connection: string): Promise<{ readonly channel: ClientChannel; readonly shown: () => string; readonly close: () => void }> => {
  const client = await gateway.client({ username: connection, password: token })
  const channel = await new Promise<ClientChannel>((resolve, reject) => {
    client.shell({ cols: 90, rows: 30, term: 'xterm' }, (error, opened) => (error === undefined ? resolve(opened) : reject(error)))
  })
  let shown = ''
  channel.on('data', (chunk: Buffer) => { shown += chunk.toString() })
  return { channel, shown: () => shown, close: () => void client.end() }
}

describe.each(['governed', 'recorded'])('a %s shell', (connection) => {
  test('has the size of the client\'s terminal, and its recording, too', async () => {
    const { channel, shown, close } = await terminalOf(connection)
    channel.write('stty size\r')
    await waitFor(() => shown().includes('30 90'), { what: 'the size' })
    channel.setWindow(40, 100, 0, 0)
    channel.write('stty size\r')
    await waitFor(() => shown().includes('40 100'), { what: 'the new size' })
    channel.write('exit\r')
    await new Promise((resolve) => void channel.once('close', resolve))
    close()
    const [request] = (await commands({ connection })).filter(({ action }) => action.startsWith('ssh.shell'))
    const sizes = (await recordingOf(gateway.platform, request!.id)).filter(({ kind }) => kind === 'resize').map(({ bytes }) => Buffer.from(bytes).toString())
    expect(sizes).toEqual(['90x30', '100x40'])
  })

  test('killed in the middle ends at once; what was seen is on record', async () => {
    const { channel, shown } = await terminalOf(connection)
    const closed = new Promise((resolve) => void channel.once('close', resolve))
    channel.write('echo before; sleep 60\r')
    await waitFor(() => /before\r\n/.test(shown().replace('echo before', '')), { what: 'the output' })
    await gateway.platform.settled()
    const [session] = (await gateway.platform.sessions()).filter((each) => each.connection === connection && each.status === 'open')
    await gateway.platform.bus.call(at(killSession, 'px-1'), { session: session!.id, reason: 'enough' })
    await closed
    const [request] = (await commands({ connection })).filter(({ action, session: of }) => of === session!.id && action.startsWith('ssh.shell'))
    expect(request!.finish?.outcome).toMatch(/cancelled|lost/)
    expect(textOfFrames(await recordingOf(gateway.platform, request!.id))).toMatch(/[\r\n]before\r\n/)
  })
})

describe('a recorded shell', () => {
  test('is the target\'s own: masked also where a secret is written in pieces, recorded as it was seen', async () => {
    const shell = open('recorded')
    await shell.shows(/[$#] $/)
    shell.type(`printf '%s' 'key ${SECRET.slice(0, 7)}'; printf '%s\\n' '${SECRET.slice(7)} end'\r`)
    await shell.shows(' end\r\n')
    shell.type('exit 5\r')
    expect(await shell.ended).toBe(5)
    expect(shell.out).not.toContain(SECRET)
    const [request] = (await commands({ connection: 'recorded' })).filter(({ action, finish }) => action === 'ssh.shell' && finish?.status === 'exit 5')
    expect(request).toMatchObject({ class: 'execute', finish: { outcome: 'completed', facts: { exitStatus: 5 } } })
    const frames = await recordingOf(gateway.platform, request!.id)
    expect(textOfFrames(frames)).toBe(shell.out)
    expect(textOfFrames(frames, 'input')).toBe('')
  })

  test('keeps what was typed where that is wanted, but nothing typed without echo', async () => {
    const shell = open('typed')
    await shell.shows(/[$#] $/)
    shell.type('read -rsp Password: x; echo got\r')
    await shell.shows(/Password:$/)
    shell.type('hunter2\r')
    await shell.shows('got\r\n')
    shell.type('echo visible\r')
    await shell.shows(/echo visible\r\n.*visible\r\n/s)
    shell.type('exit\r')
    await shell.ended
    const [request] = (await commands({ connection: 'typed' })).filter(({ action }) => action === 'ssh.shell')
    const typed = textOfFrames(await recordingOf(gateway.platform, request!.id), 'input')
    expect(typed).toContain('echo visible\r')
    expect(typed).not.toContain('hunter')
    expect(request!.finish?.facts?.['bytesIn']).toBeGreaterThan(40)
  })

  test('without a terminal is a shell that reads a script: its input is on record by digest', async () => {
    const done = await gateway.ssh(token, ['-T', 'recorded@127.0.0.1'], 'echo from the script\nexit 6\n')
    expect({ code: done.code, out: done.out.toString() }).toEqual({ code: 6, out: 'from the script\n' })
    const [request] = (await commands({ connection: 'recorded' })).filter(({ action, finish }) => action === 'ssh.shell' && finish?.status === 'exit 6')
    const chunks = (await gateway.platform.events(request!.session)).filter(({ event }) => event?.['type'] === 'sallyport.command.chunk.v1')
    expect(chunks.reduce((sum, { event }) => sum + (event!['data'] as { bytes: number }).bytes, 0)).toBe(28)
  })

  test('is refused like any command', async () => {
    const done = await gateway.ssh(token, ['-T', 'no-shells@127.0.0.1'])
    expect(done.code).toBe(126)
    expect(done.err).toContain('no-shells-of-their-own')
  })
})

describe('a forbidden shell', () => {
  test('is refused in one line, recorded, and the connection goes on', async () => {
    const shell = open('forbidden')
    expect(await shell.ended).toBe(126)
    expect(shell.out).toMatch(/^Sallyport denied this command: this connection has no interactive shells.*\r\n$/)
    expect((await commands({ connection: 'forbidden' }))[0]).toMatchObject({ action: 'ssh.shell', refusal: { code: 'denied' } })
    const client = await gateway.client({ username: 'forbidden', password: token })
    const status = await new Promise((resolve, reject) => {
      client.shell((error, channel) => {
        if (error !== undefined) return reject(error)
        channel.on('exit', resolve).resume()
        return undefined
      })
    })
    expect(status).toBe(126)
    expect(await execOn(client, 'echo on')).toMatchObject({ code: 0, out: 'on\n' })
    client.end()
  })
})
