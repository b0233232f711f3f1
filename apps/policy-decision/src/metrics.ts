import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

export interface Metrics {
  readonly decisions: Counter<'outcome'>
  readonly evaluation: Histogram
  readonly revision: Gauge
}

export const makeMetrics = (registry: Registry): Metrics => ({
  decisions: new Counter({ name: 'sallyport_policy_decisions_total', help: 'Decisions by outcome; unavailable: nothing was decided', labelNames: ['outcome'], registers: [registry] }),
  evaluation: new Histogram({ name: 'sallyport_policy_evaluation_seconds', help: 'Time to evaluate one decision, all effects and parties', buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.25, 1], registers: [registry] }),
  revision: new Gauge({ name: 'sallyport_policy_revision', help: 'Revision of the policies that this replica decides by', registers: [registry] }),
})
