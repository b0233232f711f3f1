import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

/** What a proxy counts. Labels are bounded: no name of a person, connection or statement. */
export const proxyMetrics = (registry: Registry, read: { sessions: () => number; held: () => number; tailBytes: () => number }) => {
  const registers = [registry]
  new Gauge({ name: 'sallyport_sessions_open', help: 'Sessions that are open in this proxy.', registers, collect() { this.set(read.sessions()) } })
  new Gauge({ name: 'sallyport_commands_held', help: 'Commands that wait for an approval.', registers, collect() { this.set(read.held()) } })
  new Gauge({ name: 'sallyport_tail_bytes', help: 'Bytes of events that the store does not have yet.', registers, collect() { this.set(read.tailBytes()) } })
  return {
    commands: new Counter({ name: 'sallyport_commands_total', help: 'Commands that ended, by outcome.', labelNames: ['outcome'], registers }),
    refusals: new Counter({ name: 'sallyport_refusals_total', help: 'Refused log-ins and ended sessions, by code.', labelNames: ['code'], registers }),
    seconds: new Histogram({ name: 'sallyport_command_seconds', help: 'From decision to end of a command.', buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1, 5, 30], registers }),
  }
}

export type ProxyMetrics = ReturnType<typeof proxyMetrics>
