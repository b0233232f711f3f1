import { defineService } from '@sallyport/runtime'
import { configSchema } from './config.js'
import { policyDecisionModule } from './policy-decision.module.js'

/** Owns policies and guardrails: what may run, what may not, and what may after people agree. */
export const service = defineService({ name: 'policy-decision', config: configSchema, module: (config) => policyDecisionModule(config) })
