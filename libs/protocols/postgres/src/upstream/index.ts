export { connectUpstream } from './handshake.js'
export type { UpstreamFacts, UpstreamIo } from './handshake.js'
export { TargetRefused } from './target-error.js'
