import { defineService } from '@sallyport/runtime'
import { configSchema } from './config.js'
import { maskingModule } from './masking.module.js'

/** Owns masking rules: which values of which results are hidden, from whom, and how. */
export const service = defineService({ name: 'masking', config: configSchema, module: (config) => maskingModule(config) })
