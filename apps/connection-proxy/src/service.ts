import { Module } from '@nestjs/common'
import type { Bus } from '@sallyport/messaging'
import { BUS, defineService, INSTANCE, LOGGER, METRICS } from '@sallyport/runtime'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import { compose, COMPOSITION } from './composition.js'
import { configSchema } from './config.js'
import { Proxy, PROXY_CONFIG } from './proxy.js'

@Module({})
class ProxyModule {}

export const service = defineService({
  name: 'connection-proxy',
  config: configSchema,
  module: (config) => ({
    module: ProxyModule,
    providers: [
      { provide: PROXY_CONFIG, useValue: config },
      { provide: COMPOSITION, inject: [BUS, INSTANCE, LOGGER, METRICS], useFactory: (bus: Bus, instance: string, logger: Logger, metrics: Registry) => compose(config, bus, instance, logger, metrics) },
      Proxy,
    ],
  }),
})
