import { Module } from '@nestjs/common'
import { defineService } from '@sallyport/runtime'
import { configSchema } from './config.js'
import { Proxy, PROXY_CONFIG } from './proxy.js'

@Module({})
class ProxyModule {}

export const service = defineService({
  name: 'connection-proxy',
  config: configSchema,
  module: (config) => ({ module: ProxyModule, providers: [{ provide: PROXY_CONFIG, useValue: config }, Proxy] }),
})
