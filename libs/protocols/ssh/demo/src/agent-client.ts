import { spawn } from 'node:child_process'
import path from 'node:path'
import type { ClientEndpoint } from '@sallyport/protocol-kit'

export interface Answer {
  readonly status: number | null
  readonly output: string
  readonly errors: string
}

const ANSWER_TIMEOUT_MS = 60_000
/** How long the shared connection stays when nobody uses it; it is ended before. */
const SHARED_S = 120

/** The agent's OpenSSH: a key of its own, one connection that all its commands share. */
export interface AgentClient {
  /** Runs one command to its end. `onErrors` hears what comes on standard error as it comes. */
  ssh(command: string, onErrors?: (text: string) => void): Promise<Answer>
  /** Paths on the host as `connection:path`. */
  scp(from: string, to: string): Promise<Answer>
  /** Ends the shared connection. */
  end(): Promise<void>
}

export const agentClient = (desk: string, connection: string, { host, port }: ClientEndpoint, env: Readonly<Record<string, string | undefined>>): AgentClient => {
  const options = Object.entries({
    Port: port, IdentityFile: path.join(desk, 'key'), IdentitiesOnly: 'yes', PreferredAuthentications: 'publickey', UserKnownHostsFile: path.join(desk, 'known_hosts'), StrictHostKeyChecking: 'accept-new',
    LogLevel: 'ERROR', ControlMaster: 'auto', ControlPath: path.join(desk, 'shared'), ControlPersist: SHARED_S, ConnectTimeout: 10,
  }).flatMap(([name, value]) => ['-o', `${name}=${value}`])
  const run = (program: string, args: readonly string[], onErrors: (text: string) => void = () => undefined): Promise<Answer> => new Promise((resolve, reject) => {
    const child = spawn(program, ['-F', 'none', ...options, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    let errors = ''
    const timer = setTimeout(() => child.kill('SIGKILL'), ANSWER_TIMEOUT_MS)
    child.stdout.on('data', (chunk: Buffer) => { output += chunk.toString() })
    child.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString()
      onErrors(errors)
    })
    child.once('error', reject)
    // Not `close`: the process that keeps the shared connection has the first one's standard error.
    child.once('exit', (status) => {
      clearTimeout(timer)
      setImmediate(() => resolve({ status, output: output.trimEnd(), errors: errors.trimEnd() }))
    })
  })
  return {
    ssh: (command, onErrors) => run('ssh', [`${connection}@${host}`, command], onErrors),
    scp: (from, to) => run('scp', ['-q', ...[from, to].map((each) => (each.startsWith(`${connection}:`) ? `${connection}@${host}${each.slice(connection.length)}` : each))]),
    end: async () => void await run('ssh', ['-O', 'exit', `${connection}@${host}`]),
  }
}
