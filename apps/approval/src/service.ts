import { defineService } from '@sallyport/runtime'
import { approvalModule } from './approval.module.js'
import { configSchema } from './config.js'

/** Owns approvals: who must agree to a held or parked command, who did, and that it runs at most once. */
export const service = defineService({ name: 'approval', config: configSchema, module: (config) => approvalModule(config) })
