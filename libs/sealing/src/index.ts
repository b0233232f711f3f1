export { generateSealingKey, seal, SealingError, unseal } from './seal.js'
