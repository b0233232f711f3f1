import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

export interface Trace {
  /** Programs that were started, in the order in which they were. */
  readonly programs: readonly string[]
  /** Something in the working directory is other than before. */
  readonly changed: boolean
}

/** Runs texts by a real shell in a directory of their own, with nothing on PATH but programs that write down their names. */
export class TracedShell {
  private readonly root = mkdtempSync(path.join(tmpdir(), 'sallyport-test-shell-'))
  private readonly bin = path.join(this.root, 'bin')
  private readonly home = path.join(this.root, 'home')
  private readonly log = path.join(this.root, 'log')

  constructor(programs: readonly string[]) {
    mkdirSync(this.bin)
    // A program that runs others does so; all fail after some time, so that loops end.
    for (const program of programs) {
      const file = path.join(this.bin, program)
      writeFileSync(file, `#!/bin/sh\nprintf '%s\\n' '${program}' >> "$TRACE_LOG"\n[ "$(/usr/bin/wc -l < "$TRACE_LOG")" -lt 30 ] || exit 1\n${TracedShell.behaviour(program)}\n`)
      chmodSync(file, 0o755)
    }
  }

  private static behaviour(program: string): string {
    switch (program) {
      case 'env':
        return 'while [ $# -gt 0 ]; do case "$1" in *=*) shift;; *) break;; esac; done; [ $# -eq 0 ] || exec "$@"'
      case 'nice':
        return 'exec "$@"'
      case 'timeout':
        return 'shift; exec "$@"'
      case 'xargs':
        return 'exec "$@" one two'
      case 'sh':
      case 'bash':
        return `exec /bin/${program} "$@"`
      case 'cat':
        return '[ $# -gt 0 ] || exec /bin/cat'
      default:
        return 'exit 0'
    }
  }

  static accepts(shell: string, text: string): boolean {
    const { status, stderr } = spawnSync(shell, ['-n'], { encoding: 'utf8', input: text, timeout: 5000 })
    return status === 0 && !stderr.includes('syntax error')
  }

  run(shell: string, text: string): Trace {
    rmSync(this.home, { recursive: true, force: true })
    mkdirSync(this.home)
    for (const name of ['a', 'b', 'f']) writeFileSync(path.join(this.home, name), `${name}\n`)
    writeFileSync(this.log, '')
    const before = this.snapshot()
    spawnSync(`/bin/${shell}`, ['-c', text], { cwd: this.home, env: { PATH: this.bin, TRACE_LOG: this.log, x: 'a', y: 'b c' }, input: 'one\ntwo\n', timeout: 3000, killSignal: 'SIGKILL' })
    // What runs in the background may still be at it.
    if (text.includes('&')) execFileSync('/bin/sleep', ['0.02'])
    return { programs: readFileSync(this.log, 'utf8').split('\n').filter((line) => line !== ''), changed: this.snapshot() !== before }
  }

  private snapshot(): string {
    return JSON.stringify(readdirSync(this.home).sort().map((name) => {
      const file = path.join(this.home, name)
      return [name, statSync(file).isFile() ? readFileSync(file, 'utf8') : 'directory']
    }))
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true })
  }
}
