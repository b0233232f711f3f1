export { postgres } from './descriptor.js'
