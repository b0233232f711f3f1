import { createSecretKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext } from 'node:tls'
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common'
import { MASKING_HEARTBEAT, POLICY_HEARTBEAT } from '@sallyport/contracts/policy'
import type { Bus, Stop } from '@sallyport/messaging'
import { Refusal } from '@sallyport/protocol-kit'
import { protocols } from '@sallyport/protocols'
import { BUS, ConfigurationError, INSTANCE, LOGGER, METRICS, READINESS, type Readiness } from '@sallyport/runtime'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import { AdmissionDesk } from './admission/admission.js'
import { isLoopback, listenerPort, type ProxyConfig } from './config.js'
import { Decisions } from './judging/decisions.js'
import { Holds } from './judging/holds.js'
import { Plans } from './judging/plans.js'
import { RevisionWatch } from './judging/revision-watch.js'
import { Listener } from './listener.js'
import { proxyMetrics } from './metrics.js'
import { createRecogniser } from './recognition/index.js'
import { Recorder } from './recording/recorder.js'
import { LiveSessions } from './session/live-sessions.js'
import type { ProxyServices } from './session/services.js'
import { Catalogs } from './targets/catalogs.js'
import type { TargetKeys } from './targets/dial.js'

export const PROXY_CONFIG = Symbol('ProxyConfig')
const now = (): number => performance.now()
const DRAIN_POLL_MS = 50
const DRAIN_MS = 5_000

/** The data path: composes what the sessions share, listens, and drains. */
@Injectable()
export class Proxy implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  private readonly policyRevisions = new RevisionWatch(now)
  private readonly maskingRevisions = new RevisionWatch(now)
  private readonly recogniser = createRecogniser({})
  private readonly services: ProxyServices
  private readonly listeners: Listener[] = []
  private readonly stops: Stop[] = []
  /** Where each protocol listens, once it does. */
  readonly endpoints: Record<string, { host: string; port: number }> = {}

  constructor(
    @Inject(PROXY_CONFIG) private readonly config: ProxyConfig,
    @Inject(BUS) private readonly bus: Bus,
    @Inject(INSTANCE) private readonly instance: string,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(METRICS) metrics: Registry,
    @Inject(READINESS) readiness: Readiness,
  ) {
    this.services = this.compose(metrics)
    readiness.add('listeners', () => this.listeners.length === protocols.length)
  }

  private compose(metrics: Registry): ProxyServices {
    const { config, bus, instance: proxy, logger } = this
    const decisions = new Decisions(bus, this.policyRevisions)
    const holds = new Holds(bus, proxy, logger)
    const recorder = new Recorder({ bus, proxy, partitions: config.SALLYPORT_EVENT_PARTITIONS, tailBytesMax: config.SALLYPORT_TAIL_BYTES, logger })
    const live = new LiveSessions(bus, proxy)
    const keys = readKeys(config)
    return {
      decisions, holds, recorder, live, keys, logger, proxy,
      plans: new Plans(bus, this.maskingRevisions),
      digestKey: createSecretKey(config.SALLYPORT_DIGEST_KEY, 'base64'),
      desk: new AdmissionDesk(bus, decisions),
      catalogs: new Catalogs(keys, logger),
      metrics: proxyMetrics(metrics, { sessions: () => live.size, held: () => holds.held, tailBytes: () => recorder.tailBytes }),
      recognise: (descriptor, text, settings) => this.recogniser.recognise(descriptor.name, text, settings),
      tls: readTls(config),
      acknowledgeMs: config.SALLYPORT_ACKNOWLEDGE_MS,
    }
  }

  async onApplicationBootstrap(): Promise<void> {
    this.stops.push(this.policyRevisions.watch(this.bus, POLICY_HEARTBEAT), this.maskingRevisions.watch(this.bus, MASKING_HEARTBEAT))
    this.services.recorder.start()
    this.services.holds.start()
    this.services.live.start()
    await this.bus.flush()
    for (const descriptor of protocols) {
      const listener = new Listener({
        descriptor,
        host: this.config.SALLYPORT_LISTEN_HOST,
        port: listenerPort(this.config, descriptor.name, descriptor.defaultPort),
        reusePort: this.config.SALLYPORT_REUSE_PORT === '1',
        connectionsMax: this.config.SALLYPORT_SESSIONS_MAX + this.config.SALLYPORT_HALF_OPEN_MAX,
        services: this.services,
      })
      this.endpoints[descriptor.name] = await listener.listen()
      this.listeners.push(listener)
      this.logger.info({ protocol: descriptor.name, ...this.endpoints[descriptor.name] }, 'listening')
    }
  }

  /** Stops accepting, gives the open sessions a moment to end by themselves, then ends them with a word. */
  async onModuleDestroy(): Promise<void> {
    for (const listener of this.listeners) listener.stopAccepting()
    const deadline = now() + DRAIN_MS
    const connections = (): number => this.listeners.reduce((sum, listener) => sum + listener.connections, 0)
    this.services.live.killAll(new Refusal('shutting-down', 'this gateway is shutting down', { remedy: 'Connect again.' }))
    while (connections() > 0 && now() < deadline) await new Promise((resolve) => { setTimeout(resolve, DRAIN_POLL_MS) })
    this.services.catalogs.close()
  }

  async onApplicationShutdown(): Promise<void> {
    await this.services.recorder.stop()
    await this.services.holds.stop()
    await this.services.live.stop()
    for (const stop of this.stops) await stop()
    await this.recogniser.close()
  }
}

const readKeys = (config: ProxyConfig): TargetKeys => {
  const text = config.SALLYPORT_PROXY_KEYS ?? (config.SALLYPORT_PROXY_KEYS_FILE === undefined ? undefined : readFileSync(config.SALLYPORT_PROXY_KEYS_FILE, 'utf8'))
  if (text === undefined) throw new ConfigurationError('SALLYPORT_PROXY_KEYS or SALLYPORT_PROXY_KEYS_FILE must hold the private keys that open target credentials')
  try {
    return { keys: (JSON.parse(text) as { keys: TargetKeys['keys'] }).keys }
  } catch (cause) {
    throw new ConfigurationError('the proxy\'s keys are not a JSON Web Key Set', { cause })
  }
}

const readTls = (config: ProxyConfig): ProxyServices['tls'] => {
  const required = !isLoopback(config.SALLYPORT_LISTEN_HOST)
  if (config.SALLYPORT_TLS_CERT_FILE === undefined || config.SALLYPORT_TLS_KEY_FILE === undefined) {
    if (required) throw new ConfigurationError(`listeners on ${config.SALLYPORT_LISTEN_HOST} require TLS: set SALLYPORT_TLS_CERT_FILE and SALLYPORT_TLS_KEY_FILE, or bind to loopback`)
    return { context: undefined, required }
  }
  const context = createSecureContext({ cert: readFileSync(config.SALLYPORT_TLS_CERT_FILE), key: readFileSync(config.SALLYPORT_TLS_KEY_FILE), minVersion: 'TLSv1.2' })
  return { context, required }
}
