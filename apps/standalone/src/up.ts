import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from '@sallyport/embedded'
import { protocols } from '@sallyport/protocols'
import { applyConfiguration } from './apply-configuration.js'
import { startBacking, type Backing } from './backing.js'
import type { Config } from './config.js'
import type { UpOptions } from './options.js'
import { removeReadyFile, waitUntilReady, writeReadyFile, type Endpoints } from './ready.js'
import { runAsProcess, runInThisProcess, type RunningPart } from './run-services.js'
import { secretsOf } from './secrets.js'
import { planServices, type Planned } from './service-environments.js'

export interface Platform {
  readonly endpoints: Endpoints
  /** Drains and stops everything. Idempotent. */
  stop(): Promise<void>
}

export interface UpContext {
  readonly config: Config
  readonly options: UpOptions
  readonly say: (line: string) => void
  /** Aborted when it is no longer wanted while it still starts. */
  readonly signal: AbortSignal
}

/** Starts the whole platform; resolves when everything answers and the configuration is applied. Leaves nothing running when it throws. */
export const up = async (context: UpContext): Promise<Platform> => {
  const { config, options, say } = context
  const proxies = Array.from({ length: options.processes ? config.SALLYPORT_PROXIES : 1 }, (_, index) => `proxy-${index + 1}`)
  const dataDir = options.data === undefined ? undefined : path.resolve(options.data)
  if (dataDir !== undefined) mkdirSync(dataDir, { recursive: true, mode: 0o711 })
  if (options.readyFile !== undefined) removeReadyFile(options.readyFile)
  const parts: RunningPart[] = []
  const backing = await startBacking({ config, dataDir, proxies, say })
  let stopped: Promise<void> | undefined
  const logDir = logDirOf(options, dataDir)
  if (logDir !== undefined) say(`the services' logs are in ${logDir}`)
  const serverKeysDir = dataDir === undefined ? mkdtempSync(path.join(tmpdir(), 'sallyport-server-keys-')) : path.join(dataDir, 'server-keys')
  const stop = (): Promise<void> => (stopped ??= stopAll(parts, backing, options).finally(() => {
    if (dataDir === undefined) for (const directory of [serverKeysDir, logDir]) if (directory !== undefined) rmSync(directory, { recursive: true, force: true })
  }))
  try {
    context.signal.throwIfAborted()
    const listeners = await listenerPorts(config)
    const planned = await planServices({ config, backing, secrets: await secretsOf(dataDir), serverKeysDir, proxies, listeners, freePort })
    await startParts(planned, parts, context, logDir)
    const endpoints: Endpoints = {
      api: urlOf(planned.find(({ service }) => service === 'api')!),
      issuer: backing.issuer,
      nats: backing.natsUrl,
      database: backing.databaseUrl,
      listeners: Object.fromEntries([...listeners].map(([protocol, port]) => [protocol, { host: config.inherited['SALLYPORT_LISTEN_HOST'] ?? '127.0.0.1', port }])),
      processes: { ...backing.pids(), ...Object.fromEntries(parts.flatMap((part) => (part.pid === undefined ? [] : [[part.label, part.pid]]))) },
    }
    if (options.config !== undefined) await applyConfiguration({ dir: path.resolve(options.config), endpoints, environment: config.environment, signal: context.signal })
    if (options.readyFile !== undefined) writeReadyFile(options.readyFile, endpoints)
    return { endpoints, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** With --processes: in the data directory, else in a temporary one that goes at the end. */
const logDirOf = ({ processes }: UpOptions, dataDir: string | undefined): string | undefined => {
  if (!processes) return undefined
  return dataDir === undefined ? mkdtempSync(path.join(tmpdir(), 'sallyport-logs-')) : path.join(dataDir, 'logs')
}

const urlOf = ({ env, httpPort }: Planned): string => `http://${env['SALLYPORT_HTTP_HOST'] ?? '127.0.0.1'}:${httpPort}`

const listenerPorts = async (config: Config): Promise<Map<string, number>> => {
  const ports = new Map<string, number>()
  for (const { name, defaultPort } of protocols) ports.set(name, config.listenerPort(name, defaultPort) || await freePort())
  return ports
}

/** Control plane at once, then the proxies, which need it. */
const startParts = async (planned: readonly Planned[], parts: RunningPart[], { say, signal }: UpContext, logDir: string | undefined): Promise<void> => {
  const run = async (one: Planned): Promise<void> => {
    parts.push(logDir === undefined ? await runInThisProcess(one) : await runAsProcess(one, logDir, say))
  }
  const control = planned.filter(({ service }) => service !== 'connection-proxy')
  const proxies = planned.filter(({ service }) => service === 'connection-proxy')
  for (const group of [control, proxies]) {
    await settled(group.map(run))
    await waitUntilReady(group, signal)
  }
}

/** Waits for all, then throws the first failure: nothing is still starting when the rest is stopped. */
const settled = async (works: readonly Promise<void>[]): Promise<void> => {
  for (const result of await Promise.allSettled(works)) if (result.status === 'rejected') throw result.reason
}

/** First what takes work, last what the others stand on. */
const stopAll = async (parts: readonly RunningPart[], backing: Backing, options: UpOptions): Promise<void> => {
  if (options.readyFile !== undefined) rmSync(options.readyFile, { force: true })
  const isProxy = (part: RunningPart): boolean => part.label.startsWith('proxy-')
  await Promise.allSettled(parts.filter(isProxy).map((part) => part.stop()))
  await Promise.allSettled(parts.filter((part) => !isProxy(part) && part.label !== 'audit-store').map((part) => part.stop()))
  await Promise.allSettled(parts.filter((part) => part.label === 'audit-store').map((part) => part.stop()))
  await backing.stop()
}
