import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { appendFileSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { userInfo } from 'node:os'
import path from 'node:path'
import { freePort, temporaryDir, waitFor } from '@sallyport/testing'

/** OpenSSH's own server on loopback, as whoever runs the tests: it lets in that user by key or certificate (only root's could check passwords). */
export class Sshd {
  private constructor(
    readonly port: number,
    readonly dir: string,
    readonly username: string,
    private readonly child: ChildProcess,
  ) {}

  static async start(settings: readonly string[] = []): Promise<Sshd> {
    const dir = newDir('sshd')
    const port = await freePort()
    for (const name of ['host', 'user', 'ca', 'other']) keygen(path.join(dir, name))
    writeFileSync(path.join(dir, 'authorized_keys'), readFileSync(path.join(dir, 'user.pub')), { mode: 0o600 })
    const config = [
      `Port ${port}`, 'ListenAddress 127.0.0.1', `HostKey ${dir}/host`, `AuthorizedKeysFile ${dir}/authorized_keys`, `TrustedUserCAKeys ${dir}/ca.pub`, 'PidFile none',
      'UsePAM no', 'StrictModes no', 'PasswordAuthentication no', 'KbdInteractiveAuthentication no', 'PermitRootLogin prohibit-password', 'AcceptEnv *',
      'Subsystem sftp internal-sftp', 'AllowTcpForwarding yes', 'AllowStreamLocalForwarding yes', 'AllowAgentForwarding yes', 'X11Forwarding yes', 'MaxSessions 200', 'MaxStartups 200', 'LogLevel VERBOSE', 'PrintMotd no', 'PrintLastLog no',
      ...settings,
    ]
    writeFileSync(path.join(dir, 'sshd_config'), `${config.join('\n')}\n`)
    // Root's server insists on it.
    if (process.getuid?.() === 0 && !existsSync('/run/sshd')) mkdirSync('/run/sshd', { mode: 0o755 })
    const log = openSync(path.join(dir, 'log'), 'a')
    const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', path.join(dir, 'sshd_config')], { stdio: ['ignore', log, log] })
    closeSync(log)
    child.on('error', (error) => appendFileSync(path.join(dir, 'log'), String(error)))
    const sshd = new Sshd(port, dir, userInfo().username, child)
    await waitFor(() => answers(port), { timeoutMs: 10_000, what: 'sshd answering' }).catch((error: unknown) => { throw new Error(`sshd: ${sshd.log()}`, { cause: error }) })
    return sshd
  }

  /** Private key that the server lets in. */
  get userKey(): string {
    return readFileSync(path.join(this.dir, 'user'), 'utf8')
  }

  /** Private key of the authority whose certificates it takes. */
  get authority(): string {
    return readFileSync(path.join(this.dir, 'ca'), 'utf8')
  }

  /** `<type> <base64>` of its host key. */
  get hostKey(): string {
    return readFileSync(path.join(this.dir, 'host.pub'), 'utf8').split(' ').slice(0, 2).join(' ')
  }

  /** A host key that is not its own. */
  get otherKey(): string {
    return readFileSync(path.join(this.dir, 'other.pub'), 'utf8').split(' ').slice(0, 2).join(' ')
  }

  log(): string {
    return readFileSync(path.join(this.dir, 'log'), 'utf8')
  }

  /** Stops the listener; connections that it has accepted are processes of their own and end with their clients. */
  async stop(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    const gone = new Promise((resolve) => void this.child.once('exit', resolve))
    this.child.kill('SIGTERM')
    await gone
  }
}

/** A directory of the test's own, removed at the end of the run. */
export const newDir = (name: string): string => {
  const dir = temporaryDir(name)
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  return dir
}

const keygen = (file: string): void => void execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', file])

const answers = (port: number): Promise<boolean> => new Promise((resolve) => {
  const socket = net.connect(port, '127.0.0.1')
  socket.once('data', () => { socket.destroy(); resolve(true) })
  socket.once('error', () => resolve(false))
})
