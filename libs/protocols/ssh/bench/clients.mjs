// The ends, each reached by OpenSSH's programs and by the library's client with the same key.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import ssh2 from 'ssh2'

/** `direct` logs in at the target, `gateway` at the gateway. */
export const makeEnds = (dir, sshd, platform) => ({
  direct: { name: 'direct', host: '127.0.0.1', port: sshd.port, username: sshd.username, key: sshd.key, knownHosts: path.join(dir, 'known_hosts') },
  gateway: { name: 'gateway', ...platform.listener, username: 'bench-host', key: sshd.key, knownHosts: path.join(dir, 'known_hosts') },
})

// One key exchange for both ends: left to itself OpenSSH agrees with sshd on a post-quantum one (sntrup761), which the library lacks, and the direct end alone would pay for it.
const KEY_EXCHANGE = 'curve25519-sha256'

const optionsOf = ({ port, key, knownHosts }) => Object.entries({
  Port: port, IdentityFile: key, IdentitiesOnly: 'yes', PreferredAuthentications: 'publickey', UserKnownHostsFile: knownHosts, StrictHostKeyChecking: 'accept-new', LogLevel: 'ERROR', ConnectTimeout: 10, KexAlgorithms: KEY_EXCHANGE,
}).flatMap(([name, value]) => ['-o', `${name}=${value}`])

/** Runs one of OpenSSH's programs to its end. `out` sees its output. Answers how long it took, in milliseconds. Rejects when it fails. */
export const openssh = (program, end, args, out = () => undefined) => new Promise((resolve, reject) => {
  const began = performance.now()
  const child = spawn(program, ['-F', 'none', ...optionsOf(end), ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, SSH_AUTH_SOCK: undefined } })
  let said = ''
  child.stdout.on('data', out)
  child.stderr.on('data', (chunk) => { said += chunk })
  child.once('error', reject)
  child.once('close', (code) => (code === 0 ? resolve(performance.now() - began) : reject(new Error(`${program} ${args.join(' ')} (${end.name}): exit ${code} ${said}`))))
})

/** A connection by the library's client. */
export const connect = ({ host, port, username, key }) => new Promise((resolve, reject) => {
  const client = new ssh2.Client()
  client.once('ready', () => resolve(client))
  client.on('error', reject)
  client.connect({ host, port, username, privateKey: readFileSync(key), readyTimeout: 60_000, algorithms: { kex: [KEY_EXCHANGE], cipher: ['aes128-gcm@openssh.com'] } })
})

/** A shell with a terminal. */
export const openShell = (client) => new Promise((resolve, reject) => {
  client.shell({ term: 'xterm', cols: 80, rows: 24 }, (error, channel) => (error === undefined ? resolve(channel) : reject(error)))
})

/** Resolves with everything that was shown when it contains that. */
export const shown = (channel, what) => new Promise((resolve, reject) => {
  let all = ''
  const timer = setTimeout(() => reject(new Error(`${what} was not shown in ${JSON.stringify(all.slice(-500))}`)), 30_000)
  const see = (chunk) => {
    all += chunk
    if (!all.includes(what)) return
    clearTimeout(timer)
    channel.off('data', see)
    resolve(all)
  }
  channel.on('data', see)
})

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b)
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2
}
