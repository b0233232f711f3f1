import { defineService } from '@sallyport/runtime'
import { apiModule } from './api.module.js'
import { configSchema } from './config.js'

/** The REST API, and the directory: connections, agents, issuers, roles, session credentials. */
export const service = defineService({ name: 'api', config: configSchema, module: (config) => apiModule(config) })
