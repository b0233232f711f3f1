export { quietHost } from './quiet-host.js'
