import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

const BATCH_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5]

/** What the store tells of itself to Prometheus. */
export const createMetrics = (registry: Registry) => {
  const registers = [registry]
  return {
    stored: new Counter({ name: 'sallyport_audit_events_stored_total', help: 'Events committed to the log.', registers }),
    duplicates: new Counter({ name: 'sallyport_audit_duplicates_total', help: 'Events that came again and were stored already.', registers }),
    quarantined: new Counter({ name: 'sallyport_audit_quarantined_total', help: 'Events kept aside. Any is an alarm.', labelNames: ['reason'], registers }),
    gaps: new Counter({ name: 'sallyport_audit_gaps_total', help: 'Gaps in the numbers of a session: opened, filled, declared. Any is an alarm.', labelNames: ['state'], registers }),
    lag: new Gauge({ name: 'sallyport_audit_stream_lag_messages', help: 'Messages of the event stream that are not stored yet.', registers }),
    streamBytes: new Gauge({ name: 'sallyport_audit_stream_bytes', help: 'Bytes on the event stream: what is not stored yet.', registers }),
    streamBytesMax: new Gauge({ name: 'sallyport_audit_stream_bytes_max', help: 'Bound of the event stream. At 80 % of it there is an alarm, at 100 % commands are refused.', registers }),
    projected: new Gauge({ name: 'sallyport_audit_projected_position', help: 'Position in the log up to which projections are.', registers }),
    position: new Gauge({ name: 'sallyport_audit_position', help: 'Position of the last event in the log.', registers }),
    active: new Gauge({ name: 'sallyport_audit_active', help: '1 while this instance is the sequencer.', registers }),
    seconds: new Histogram({ name: 'sallyport_audit_batch_seconds', help: 'Duration of a storing transaction.', buckets: BATCH_SECONDS, registers }),
  }
}

export type StoreMetrics = ReturnType<typeof createMetrics>
