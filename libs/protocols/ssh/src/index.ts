export { ssh } from './descriptor.js'
