import { defineService } from '@sallyport/runtime'
import { AuditStoreModule } from './audit-store.module.js'
import { configSchema } from './config.js'

export const service = defineService({ name: 'audit-store', config: configSchema, module: (config) => AuditStoreModule.of(config) })
