import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown, type OnModuleDestroy } from '@nestjs/common'
import { MASKING_HEARTBEAT, POLICY_HEARTBEAT } from '@sallyport/contracts/policy'
import type { Bus, Stop } from '@sallyport/messaging'
import { Refusal } from '@sallyport/protocol-kit'
import { protocols } from '@sallyport/protocols'
import { BUS, LOGGER, READINESS, type Readiness } from '@sallyport/runtime'
import type { Logger } from 'pino'
import { COMPOSITION, type Composition } from './composition.js'
import { listenerPort, type ProxyConfig } from './config.js'
import { Listener } from './listener.js'
import type { ProxyServices } from './session/services.js'

export const PROXY_CONFIG = Symbol('ProxyConfig')
const now = (): number => performance.now()
const DRAIN_POLL_MS = 50
const DRAIN_MS = 5_000

/** The data path: composes what the sessions share, listens, and drains. */
@Injectable()
export class Proxy implements OnApplicationBootstrap, OnModuleDestroy, OnApplicationShutdown {
  private readonly listeners: Listener[] = []
  private readonly stops: Stop[] = []
  /** Where each protocol listens, once it does. */
  readonly endpoints: Record<string, { host: string; port: number }> = {}

  constructor(
    @Inject(PROXY_CONFIG) private readonly config: ProxyConfig,
    @Inject(COMPOSITION) private readonly composition: Composition,
    @Inject(BUS) private readonly bus: Bus,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(READINESS) readiness: Readiness,
  ) {
    readiness.add('listeners', () => this.listeners.length === protocols.length)
  }

  private get services(): ProxyServices {
    return this.composition.services
  }

  async onApplicationBootstrap(): Promise<void> {
    this.stops.push(this.composition.policyRevisions.watch(this.bus, POLICY_HEARTBEAT), this.composition.maskingRevisions.watch(this.bus, MASKING_HEARTBEAT))
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
        sessionsMax: this.config.SALLYPORT_SESSIONS_MAX,
        halfOpenMax: this.config.SALLYPORT_HALF_OPEN_MAX,
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
    await this.composition.recogniser.close()
  }
}
