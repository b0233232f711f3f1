import { approvalNoticeSubject } from '@sallyport/contracts/approval'
import type { Bus } from '@sallyport/messaging'
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Kysely } from 'kysely'
import { OPEN } from './projection.js'
import type { Change } from './store.js'
import type { Tables } from './tables.js'

/** Tells of committed changes: the proxy that waits (a notice may get lost, it also asks), and the metrics. */
export class Announcer {
  private readonly decisions: Counter<'verdict'>
  private readonly waits: Histogram<'verdict'>

  constructor(private readonly bus: Bus, registry: Registry, db: Kysely<Tables>) {
    const registers = [registry]
    this.decisions = new Counter({ name: 'sallyport_approval_decisions_total', help: 'Approvals by how they were decided', labelNames: ['verdict'], registers })
    this.waits = new Histogram({ name: 'sallyport_approval_wait_seconds', help: 'From the request to its decision', labelNames: ['verdict'], buckets: [1, 5, 15, 30, 60, 120, 300, 900, 3600], registers })
    new Gauge({
      name: 'sallyport_approval_open', help: 'Approvals that wait for people (requested) or for their command to run (approved), over all replicas', labelNames: ['status'], registers,
      async collect() {
        // Without the database there is no number, and readiness says why; the other metrics must not be lost with it.
        this.reset()
        const rows = await db.selectFrom('approvals').select(['status', ({ fn }) => fn.countAll<number>().as('count')]).where('status', 'in', OPEN).groupBy('status').execute().catch(() => undefined)
        if (rows === undefined) return
        for (const status of OPEN) this.set({ status }, rows.find((row) => row.status === status)?.count ?? 0)
      },
    })
  }

  announce(changes: readonly Change[]): void {
    for (const { before, after } of changes) {
      if (before?.status === after.status) continue
      this.bus.publish(approvalNoticeSubject(after.request.proxy), { id: after.id, status: after.status })
      if (before === undefined || after.status === 'released' || after.status === 'executed') continue
      this.decisions.inc({ verdict: after.status })
      const at = after.resolutions.at(-1)?.at
      const decidedByPeople = (after.status === 'approved' || after.status === 'denied') && at !== undefined
      if (decidedByPeople) this.waits.observe({ verdict: after.status }, Math.max(0, (Date.parse(at) - Date.parse(after.requestedAt)) / 1000))
    }
  }
}
