import { Counter, Histogram, type Registry } from 'prom-client'

export interface RequestMetrics {
  /** `route` is the table's path, never the client's. Answers what to call with the status when the request has ended; 499: the client went away. */
  began(labels: { readonly method: string; readonly route: string }): (status: number) => void
}

export const requestMetrics = (registry: Registry): RequestMetrics => {
  const requests = new Counter({ name: 'sallyport_api_requests_total', help: 'Requests by route and status', labelNames: ['method', 'route', 'status'], registers: [registry] })
  const seconds = new Histogram({ name: 'sallyport_api_request_seconds', help: 'Time to answer by route', labelNames: ['method', 'route'], buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30], registers: [registry] })
  return {
    began: (labels) => {
      const end = seconds.startTimer(labels)
      return (status) => {
        end()
        requests.inc({ ...labels, status })
      }
    },
  }
}
