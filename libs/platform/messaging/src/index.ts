export { connectBus } from './bus.js'
export type { Bus, BusLogger, BusOptions, CallOptions, Stop } from './bus.js'
export type { ConsumeOptions, StreamMessage } from './consume.js'
export type { EventStreamOptions, StreamState } from './event-stream.js'
