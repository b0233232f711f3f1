import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'

export interface PsqlTarget {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  /** The environment of this process, for PATH and the like. */
  readonly env: NodeJS.ProcessEnv
}

/** How the scripted agent names itself to the target. */
export const APPLICATION_NAME = 'coding-agent (scripted)'
const ANSWER_TIMEOUT_MS = 60_000

/** One real `psql`, driven through its standard input as a script would: one session for all that the agent does. */
export class PsqlClient {
  private out = ''
  private err = ''
  private count = 0
  private readonly child: ChildProcessWithoutNullStreams

  constructor(target: PsqlTarget) {
    const { host, port, user, password, env } = target
    this.child = spawn('psql', ['-X', '-q', '-v', 'VERBOSITY=default'], {
      env: { ...env, PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password, PGAPPNAME: APPLICATION_NAME, PGSSLMODE: 'prefer', PGCONNECT_TIMEOUT: '10' },
    })
    this.child.stdout.on('data', (chunk: Buffer) => { this.out += chunk.toString() })
    this.child.stderr.on('data', (chunk: Buffer) => { this.err += chunk.toString() })
    this.child.stdin.on('error', () => undefined)
  }

  /** Takes what psql said so far on its standard error while a statement runs. */
  takeWarnings(): string {
    const taken = this.err.trim()
    this.err = ''
    return taken
  }

  /** Runs one statement; resolves with all that psql printed for it. Rejects when psql ends or does not answer. */
  async run(statement: string): Promise<{ output: string; errors: string }> {
    this.count += 1
    const mark = `-- end of ${this.count} --`
    this.child.stdin.write(`${statement}\n\\echo '${mark}'\n\\warn '${mark}'\n`)
    const deadline = performance.now() + ANSWER_TIMEOUT_MS
    while (!(this.out.includes(mark) && this.err.includes(mark))) {
      if (this.child.exitCode !== null) throw new Error(`psql ended with ${this.child.exitCode}: ${this.err}`)
      if (performance.now() > deadline) throw new Error(`psql did not answer: ${statement}`)
      await new Promise((resolve) => { setTimeout(resolve, 10) })
    }
    const answer = { output: this.out.replace(mark, '').trimEnd(), errors: this.err.replace(mark, '').trimEnd() }
    this.out = ''
    this.err = ''
    return answer
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null) return
    const closed = once(this.child, 'close')
    this.child.stdin.end('\\q\n')
    const timer = setTimeout(() => this.child.kill('SIGKILL'), 5_000)
    await closed
    clearTimeout(timer)
  }
}
