// OpenSSH's own server on loopback, with keys of its own, as whoever runs the bench.
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { userInfo } from 'node:os'
import path from 'node:path'

const sleep = (ms) => new Promise((resolve) => { setTimeout(resolve, ms) })
const START_DEADLINE_MS = 10_000

const freePort = async () => {
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

const answers = (port) => new Promise((resolve) => {
  const socket = net.connect(port, '127.0.0.1')
  socket.once('data', () => { socket.destroy(); resolve(true) })
  socket.once('error', () => resolve(false))
})

/** `key`: a private key's file that it lets in. */
export const startSshd = async (directory) => {
  const dir = path.join(directory, 'sshd')
  mkdirSync(dir, { mode: 0o700 })
  for (const name of ['host', 'user']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', path.join(dir, name)])
  writeFileSync(path.join(dir, 'authorized_keys'), readFileSync(path.join(dir, 'user.pub')), { mode: 0o600 })
  const port = await freePort()
  writeFileSync(path.join(dir, 'config'), `${[
    `Port ${port}`, 'ListenAddress 127.0.0.1', `HostKey ${dir}/host`, `AuthorizedKeysFile ${dir}/authorized_keys`, 'PidFile none', 'UsePAM no', 'StrictModes no', 'PasswordAuthentication no',
    'KbdInteractiveAuthentication no', 'PermitRootLogin prohibit-password', 'Subsystem sftp internal-sftp', 'MaxSessions 200', 'MaxStartups 200', 'PrintMotd no', 'PrintLastLog no',
  ].join('\n')}\n`)
  // Root's server insists on it.
  if (process.getuid?.() === 0 && !existsSync('/run/sshd')) mkdirSync('/run/sshd', { mode: 0o755 })
  const log = openSync(path.join(dir, 'log'), 'a')
  const child = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', path.join(dir, 'config')], { stdio: ['ignore', log, log] })
  closeSync(log)
  for (const deadline = performance.now() + START_DEADLINE_MS; !await answers(port); await sleep(20)) {
    if (performance.now() > deadline) throw new Error(`sshd did not come up:\n${readFileSync(path.join(dir, 'log'), 'utf8')}`)
  }
  return {
    port, username: userInfo().username, key: path.join(dir, 'user'), hostKey: readFileSync(path.join(dir, 'host.pub'), 'utf8').split(' ').slice(0, 2).join(' '),
    stop: async () => {
      if (child.exitCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}
