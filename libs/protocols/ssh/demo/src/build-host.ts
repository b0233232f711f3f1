import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import path from 'node:path'

const START_DEADLINE_MS = 10_000
const STOP_GRACE_MS = 5_000
const POLL_MS = 20
const SERVERS = ['/usr/sbin/sshd', '/usr/local/sbin/sshd']

/** The chapter's target: OpenSSH's own server on loopback, run by whoever runs the demo, with keys of its own; and a small shop's files. */
export interface BuildHost {
  readonly port: number
  readonly username: string
  /** The private key that it lets in, which only the gateway gets. */
  readonly key: string
  /** `<type> <base64>`. */
  readonly hostKey: string
  /** The shop's directory on it. */
  readonly shop: string
  /** The secret in one of its files. */
  readonly secret: string
  /** A directory for the agent's own files. */
  readonly desk: string
  /** How many log-ins it let in, by its own log. */
  logIns(): number
  stop(): Promise<void>
}

const keygen = (file: string): void => void execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file])

/** A private key beside its public half, for the agent. Answers what is in the `.pub` file. */
export const makeKey = (file: string): string => {
  keygen(file)
  return readFileSync(`${file}.pub`, 'utf8').trim()
}

const freePort = async (): Promise<number> => {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as net.AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** Whether it says its version. */
const answers = (port: number): Promise<boolean> => new Promise((resolve) => {
  const socket = net.connect(port, '127.0.0.1')
  socket.once('data', () => { socket.destroy(); resolve(true) })
  socket.once('error', () => resolve(false))
  socket.once('close', () => resolve(false))
})

const stopProcess = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_GRACE_MS)
  await gone
  clearTimeout(timer)
}

const stockTheShop = (shop: string, secret: string): void => {
  mkdirSync(path.join(shop, 'orders'), { recursive: true })
  writeFileSync(path.join(shop, 'config.env'), `REGION=eu-central-1\nWORKERS=4\nAWS_ACCESS_KEY_ID=${secret}\n`)
  writeFileSync(path.join(shop, 'orders', 'today.csv'), 'id,status\n101,paid\n102,shipped\n103,paid\n')
  writeFileSync(path.join(shop, 'restart'), `#!/bin/sh\ndate >>${shop}/restarts\necho shop restarted\n`)
  chmodSync(path.join(shop, 'restart'), 0o755)
}

export const startBuildHost = async (): Promise<BuildHost> => {
  // Short: the agent's connection sharing needs a socket below it.
  const dir = mkdtempSync(path.join(tmpdir(), 'shop-'))
  const at = (name: string): string => path.join(dir, name)
  const secret = 'AKIA' + 'Q3T7WLX2ZB5HNV6K'
  stockTheShop(dir, secret)
  for (const each of ['sshd', 'desk']) mkdirSync(at(each), { mode: 0o700 })
  for (const name of ['host', 'user']) keygen(at(`sshd/${name}`))
  writeFileSync(at('sshd/authorized_keys'), readFileSync(at('sshd/user.pub')), { mode: 0o600 })
  const port = await freePort()
  writeFileSync(at('sshd/config'), `${[
    `Port ${port}`, 'ListenAddress 127.0.0.1', `HostKey ${at('sshd/host')}`, `AuthorizedKeysFile ${at('sshd/authorized_keys')}`, 'PidFile none', 'UsePAM no', 'StrictModes no',
    'PasswordAuthentication no', 'KbdInteractiveAuthentication no', 'PermitRootLogin prohibit-password', 'Subsystem sftp internal-sftp', 'LogLevel VERBOSE', 'PrintMotd no', 'PrintLastLog no',
  ].join('\n')}\n`)
  // Root's server insists on it.
  if (process.getuid?.() === 0 && !existsSync('/run/sshd')) mkdirSync('/run/sshd', { mode: 0o755 })
  const log = openSync(at('sshd/log'), 'a')
  const program = SERVERS.find((each) => existsSync(each))
  if (program === undefined) throw new Error('OpenSSH\'s server is not installed (Debian package openssh-server)')
  const child = spawn(program, ['-D', '-e', '-f', at('sshd/config')], { stdio: ['ignore', log, log] })
  closeSync(log)
  const stop = async (): Promise<void> => {
    await stopProcess(child)
    rmSync(dir, { recursive: true, force: true })
  }
  const deadline = performance.now() + START_DEADLINE_MS
  while (!await answers(port)) {
    if (child.exitCode !== null || performance.now() > deadline) {
      const said = readFileSync(at('sshd/log'), 'utf8')
      await stop()
      throw new Error(`the sample SSH server did not come up:\n${said}`)
    }
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS) })
  }
  return {
    port, username: userInfo().username, key: readFileSync(at('sshd/user'), 'utf8'), hostKey: readFileSync(at('sshd/host.pub'), 'utf8').split(' ').slice(0, 2).join(' '),
    shop: dir, secret, desk: at('desk'), logIns: () => readFileSync(at('sshd/log'), 'utf8').split('\n').filter((line) => line.includes('Accepted publickey')).length, stop,
  }
}
