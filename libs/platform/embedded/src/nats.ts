import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { availableParallelism } from 'node:os'
import path from 'node:path'
import { EmbeddedServerError } from './errors.js'
import { freePort } from './free-port.js'
import { logTail, startGuarded, type GuardedProcess } from './guarded-process.js'
import { noteOwner, takeOver } from './ownership.js'

export interface NatsOptions {
  /** Configuration, log and JetStream storage are below it; made when it is missing. */
  readonly dataDir: string
  /** Further text of the server's configuration, e.g. `authorization { … }`. */
  readonly config?: string
  /** What `$NAME` in that text stands for. */
  readonly env?: Readonly<Record<string, string>>
  /** Default: any free one, the same again after a restart. */
  readonly port?: number
  /** The data directory is removed on stop and when this process dies. */
  readonly ephemeral?: boolean
}

export interface EmbeddedNats {
  /** `nats://127.0.0.1:port` */
  readonly url: string
  readonly port: number
  /** HTTP monitoring (`/varz`, `/connz`, `/jsz`), loopback only. */
  readonly monitorUrl: string
  readonly logFile: string
  readonly pid: number
  readonly running: boolean
  /** Orderly; SIGKILL after ten seconds. */
  stop(): Promise<void>
  /** SIGKILL, as a crash would. */
  kill(): void
  /** Starts it again on the same port and data; stops it first when it runs. */
  restart(): Promise<void>
}

const STOP_GRACE_MS = 10_000
const START_DEADLINE_MS = 15_000
/** It shares the machine with everything else that is embedded: on two cores, one thread instead of two costs a third less and answers sooner. */
const SCHEDULER_THREADS = String(Math.max(1, availableParallelism() >> 1))
const ATTEMPTS = 5
const POLL_MS = 20
const PROGRAM_DIRS = ['/usr/local/bin', '/usr/bin', '/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin']

/** nats-server on PATH or where systems put it. Throws `missing-program`. */
export const natsProgram = (searchPath: string): string => {
  for (const dir of [...searchPath.split(':'), ...PROGRAM_DIRS]) {
    const file = path.join(dir, 'nats-server')
    if (dir !== '' && existsSync(file)) return file
  }
  throw new EmbeddedServerError('missing-program', 'nats-server is not installed: "apt-get install nats-server" on Debian and Ubuntu, else https://github.com/nats-io/nats-server/releases')
}

interface Place {
  readonly dataDir: string
  readonly logFile: string
  readonly extra: string
  readonly env: Readonly<Record<string, string>>
  readonly ephemeral: boolean
}

/** Starts nats-server with JetStream on loopback. Throws EmbeddedServerError. */
export const startNats = async (options: NatsOptions): Promise<EmbeddedNats> => {
  const dataDir = path.resolve(options.dataDir)
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  await takeOver(dataDir)
  const place: Place = { dataDir, logFile: path.join(dataDir, 'nats.log'), extra: options.config ?? '', env: options.env ?? {}, ephemeral: options.ephemeral ?? false }
  let { process: server, port, monitorPort } = await startOnPort(place, options.port).catch((error: unknown) => {
    if (place.ephemeral) rmSync(dataDir, { recursive: true, force: true })
    throw error
  })
  let stopped: Promise<void> | undefined
  const stop = async (): Promise<void> => {
    await server.stop()
    if (place.ephemeral) rmSync(dataDir, { recursive: true, force: true })
  }
  return {
    get url() { return `nats://127.0.0.1:${port}` },
    get port() { return port },
    get monitorUrl() { return `http://127.0.0.1:${monitorPort}` },
    get pid() { return server.pid },
    get running() { return server.running },
    logFile: place.logFile,
    stop: () => (stopped ??= stop()),
    kill: () => server.kill(),
    restart: async () => {
      await server.stop()
      ;({ process: server, port, monitorPort } = await startOnPort(place, port))
      stopped = undefined
    },
  }
}

const configText = (place: Place, port: number, monitorPort: number): string => `# Generated at every start.
host: "127.0.0.1"
port: ${port}
http: "127.0.0.1:${monitorPort}"
max_payload: 1MB
jetstream {
  store_dir: ${JSON.stringify(path.join(place.dataDir, 'jetstream'))}
  max_memory_store: 256MB
  max_file_store: 64GB
}
${place.extra}
`

const startOnPort = async (place: Place, wanted: number | undefined): Promise<{ process: GuardedProcess; port: number; monitorPort: number }> => {
  const program = natsProgram(process.env['PATH'] ?? '') // eslint-disable-line no-restricted-properties -- where programs are is the machine's, not a setting of ours
  const deadline = performance.now() + START_DEADLINE_MS
  for (let attempt = 1; ; attempt += 1) {
    const port = wanted === undefined || wanted === 0 ? await freePort() : wanted
    const monitorPort = await freePort()
    const configFile = path.join(place.dataDir, 'nats.conf')
    writeFileSync(configFile, configText(place, port, monitorPort), { mode: 0o600 })
    const server = await startGuarded({
      command: program,
      args: ['-c', configFile],
      cwd: place.dataDir,
      env: { GOMAXPROCS: SCHEDULER_THREADS, ...place.env },
      logFile: place.logFile,
      stopSignal: 'SIGTERM',
      graceMs: STOP_GRACE_MS,
      ...(place.ephemeral ? { removeWhenOrphaned: place.dataDir } : {}),
    })
    noteOwner(place.dataDir, server.pid)
    if (await answers(port, server, deadline)) return { process: server, port, monitorPort }
    const log = logTail(place.logFile)
    await server.stop()
    if (!/address already in use/i.test(log) || attempt === ATTEMPTS) throw new EmbeddedServerError('not-started', `nats-server did not start on port ${port}:\n${log}`)
    await new Promise((resolve) => { setTimeout(resolve, 200) })
  }
}

const answers = async (port: number, server: GuardedProcess, deadline: number): Promise<boolean> => {
  while (server.running && performance.now() < deadline) {
    if (await greets(port)) return true
    await new Promise((resolve) => { setTimeout(resolve, POLL_MS) })
  }
  return false
}

/** Whether a NATS server sends its INFO line there. */
const greets = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = net.connect({ port, host: '127.0.0.1' })
    const end = (value: boolean): void => {
      socket.destroy()
      resolve(value)
    }
    socket.setTimeout(1_000, () => end(false))
    socket.once('error', () => end(false))
    socket.once('close', () => end(false))
    socket.once('data', (data) => end(data.toString('latin1').startsWith('INFO ')))
  })
