import { spawn } from 'node:child_process'
import { closeSync, openSync, readSync, statSync } from 'node:fs'

/**
 * Runs a server and holds a pipe to us. When we are gone, however we went, the pipe ends: the server is asked to stop, killed when it
 * takes too long, and what was to be thrown away is removed. The server's process id comes first on standard output.
 */
const GUARD = `
signal=$1 grace=$2 log=$3 remove=$4
shift 4
exec 3<&0 </dev/null
"$@" >>"$log" 2>&1 3<&- &
server=$!
echo "$server"
exec >/dev/null 2>&1
(
  read -r line <&3
  trap '' TERM
  kill -s "$signal" "$server"
  tenths=0
  while kill -0 "$server" && [ "$tenths" -lt "$grace" ]; do sleep 0.1; tenths=$((tenths + 1)); done
  kill -s KILL "$server"
  [ -z "$remove" ] || { sleep 0.2; rm -rf "$remove"; }
) &
watcher=$!
exec 3<&-
wait "$server"
status=$?
kill -s TERM "$watcher"
wait "$watcher"
exit "$status"
`

export interface GuardedOptions {
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
  /** Where the server's output goes. */
  readonly logFile: string
  /** The signal that makes the server stop in an orderly way. */
  readonly stopSignal: 'SIGINT' | 'SIGTERM'
  /** How long an orderly stop may take before the server is killed, in milliseconds. */
  readonly graceMs: number
  /** A directory to remove when we die without having stopped the server. */
  readonly removeWhenOrphaned?: string
  readonly user?: { readonly uid: number; readonly gid: number }
}

export interface GuardedProcess {
  readonly pid: number
  /** Resolves when the server has ended, however it ended. */
  readonly ended: Promise<void>
  readonly running: boolean
  /** Orderly, up to the deadline; then SIGKILL. */
  stop(): Promise<void>
  kill(): void
}

/** Starts a server that can't outlive this process. It does not keep this process alive either. */
export const startGuarded = async (options: GuardedOptions): Promise<GuardedProcess> => {
  const child = spawn('/bin/sh', [
    '-c', GUARD, 'sallyport-guard',
    options.stopSignal.replace('SIG', ''), String(Math.ceil(options.graceMs / 100)), options.logFile, options.removeWhenOrphaned ?? '',
    options.command, ...options.args,
  ], { cwd: options.cwd, env: options.env, stdio: ['pipe', 'pipe', 'ignore'], detached: true, ...options.user })
  let running = true
  const ended = new Promise<void>((resolve) => {
    child.once('error', () => resolve())
    child.once('exit', () => resolve())
  }).then(() => {
    running = false
    child.stdin.destroy()
  })
  child.stdin.on('error', () => undefined)
  const pid = await new Promise<number>((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the guard of ${options.command} ended with status ${code}`)))
    child.stdout.once('data', (line: Buffer) => resolve(Number.parseInt(line.toString('latin1'), 10)))
  })
  child.stdout.destroy()
  child.unref()
  ;(child.stdin as unknown as { unref(): void }).unref()

  const signal = (name: NodeJS.Signals): void => {
    if (!running) return
    try {
      process.kill(pid, name)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
  return {
    pid,
    ended,
    get running() { return running },
    stop: async () => {
      signal(options.stopSignal)
      // Not unref'd: who waits for an orderly stop gets it, even when nothing else keeps the process alive.
      const timer = setTimeout(() => signal('SIGKILL'), options.graceMs)
      child.ref()
      await ended
      clearTimeout(timer)
    },
    kill: () => signal('SIGKILL'),
  }
}

const TAIL_BYTES = 2_000

/** The last lines of a log, for an error message. */
export const logTail = (file: string): string => {
  try {
    const size = statSync(file).size
    const descriptor = openSync(file, 'r')
    try {
      const buffer = Buffer.alloc(Math.min(size, TAIL_BYTES))
      readSync(descriptor, buffer, 0, buffer.length, size - buffer.length)
      return buffer.toString('utf8').trim()
    } finally {
      closeSync(descriptor)
    }
  } catch {
    return '(no log)'
  }
}
