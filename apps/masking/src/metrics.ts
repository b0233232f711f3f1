import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

export interface Metrics {
  readonly plans: Counter<'result'>
  readonly planning: Histogram
  readonly revision: Gauge
  readonly rules: Gauge
}

export const makeMetrics = (registry: Registry): Metrics => ({
  plans: new Counter({ name: 'sallyport_masking_plans_total', help: 'Plans by result; pass: nothing to mask or scan, unavailable: nothing was planned', labelNames: ['result'], registers: [registry] }),
  planning: new Histogram({ name: 'sallyport_masking_planning_seconds', help: 'Time to make one plan', buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1], registers: [registry] }),
  revision: new Gauge({ name: 'sallyport_masking_revision', help: 'Revision of the rules that this replica plans by', registers: [registry] }),
  rules: new Gauge({ name: 'sallyport_masking_rules', help: 'Rules in force', registers: [registry] }),
})
