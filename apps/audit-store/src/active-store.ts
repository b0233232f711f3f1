import { rebuildProjections, storedSubject } from '@sallyport/contracts/audit'
import { EVENT_STREAM, isPatientSubject } from '@sallyport/contracts/events'
import { RpcError } from '@sallyport/contracts/rpc'
import type { Bus, Stop } from '@sallyport/messaging'
import type pg from 'pg'
import type { Logger } from 'pino'
import type { AuditStoreConfig } from './config.js'
import { resumeAfter } from './ledger/load-state.js'
import { createSequencer, type Stored } from './ledger/sequencer.js'
import { FencedError } from './ledger/write-plan.js'
import type { StoreMetrics } from './metrics.js'
import { startProjector, type Projector } from './projection/projector.js'
import { forgetRebuild, rebuild } from './projection/rebuild.js'
import { startSupervisor } from './supervision/supervisor.js'

export interface ActiveStoreOptions {
  readonly pool: pg.Pool
  readonly bus: Bus
  readonly logger: Logger
  readonly metrics: StoreMetrics
  readonly config: AuditStoreConfig
  readonly instance: string
  /** Called when another instance has taken the log over. */
  readonly giveBack: () => void
}

const DURABLE = 'audit-store'
/** Messages handed over at once. */
const BATCH = 128
/** What nobody waits for gathers that long: a commit for each few events would take the machine from those who work on it. */
const GATHER_MS = 25

/** Tells each proxy how far its sessions are stored. */
const publishWatermarks = (bus: Bus, { plan }: Stored): void => {
  const byProxy = new Map<string, [string, number][]>()
  for (const [state, watermark] of plan.watermarks) {
    const known = byProxy.get(state.proxy)
    const pair: [string, number] = [state.session, watermark]
    if (known === undefined) byProxy.set(state.proxy, [pair])
    else known.push(pair)
  }
  for (const [proxy, sessions] of byProxy) bus.publish(storedSubject(proxy), { sessions })
}

const measure = (metrics: StoreMetrics, { plan, position, seconds }: Stored): void => {
  metrics.stored.inc(plan.accepted.length)
  metrics.duplicates.inc(plan.duplicates)
  metrics.seconds.observe(seconds)
  metrics.position.set(position + plan.accepted.length - 1)
  for (const item of plan.quarantined) metrics.quarantined.inc({ reason: item.reason })
  if (plan.opened.length > 0) metrics.gaps.inc({ state: 'opened' }, plan.opened.length)
  for (const gap of plan.resolved) metrics.gaps.inc({ state: gap.resolution })
}

/** The projector, with its alarms. */
const followLog = ({ pool, logger, metrics }: ActiveStoreOptions): Projector =>
  startProjector({
    pool,
    logger,
    onProjected: (position, set) => {
      metrics.projected.set(position)
      for (const fault of set.faults) {
        metrics.quarantined.inc({ reason: fault.reason })
        logger.error({ position: fault.event.position, type: fault.event.type, session: fault.event.session, reason: fault.reason, detail: fault.detail }, 'an event is stored, and not projected as it is')
      }
    },
  })

/** One rebuild at a time. */
const serveRebuild = (options: ActiveStoreOptions, projector: Projector): Stop => {
  let running: Promise<void> | undefined
  const aborted = new AbortController()
  const stop = options.bus.serve(rebuildProjections, () => {
    if (running !== undefined) throw new RpcError('conflict', 'the projections are being rebuilt already')
    running = rebuild(options.pool, projector, aborted.signal)
      .catch(async (error: unknown) => {
        options.logger.error({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }, 'the projections could not be rebuilt, the old ones stay')
        await forgetRebuild(options.pool)
      })
      .catch((error: unknown) => { options.logger.warn({ error: String(error) }, 'what the rebuild left could not be cleared away') })
      .finally(() => { running = undefined })
    return {}
  })
  return async () => {
    await stop()
    aborted.abort(new Error('the store stops'))
    await running
  }
}

/** Takes the log over and writes it: the consumer, the projector behind it, and the supervisor beside it. */
export const startActiveStore = async (options: ActiveStoreOptions): Promise<Stop> => {
  const { pool, bus, logger, metrics, config, instance } = options
  const projector = followLog(options)
  const onStored = (stored: Stored): void => {
    publishWatermarks(bus, stored)
    projector.offer(stored.plan.accepted.map((event, index) => ({ position: stored.position + index, type: event.type, session: event.session, sequence: event.sequence, subject: event.subject, time: event.time, data: event.data })))
    measure(metrics, stored)
    for (const item of stored.plan.quarantined) logger.error({ reason: item.reason, detail: item.detail, origin: item.origin, session: item.session, sequence: item.sequence }, 'an event was quarantined')
  }
  const sequencer = createSequencer({ pool, source: instance, onStored })
  await sequencer.open()
  await forgetRebuild(pool)
  const stopConsuming = bus.consume({
    stream: EVENT_STREAM,
    durable: DURABLE,
    batch: BATCH,
    gather: { patient: isPatientSubject, ms: GATHER_MS },
    startAfter: (stream) => resumeAfter(pool, stream),
    handler: async (messages) => {
      try {
        await sequencer.take(messages)
      } catch (error) {
        if (error instanceof FencedError) options.giveBack()
        throw error
      }
    },
  })
  const stopSupervising = startSupervisor({
    bus, logger, sequencer, source: instance,
    gapDeadlineMs: config.SALLYPORT_AUDIT_GAP_DEADLINE_MS,
    proxyLostAfterMs: config.SALLYPORT_AUDIT_PROXY_LOST_AFTER_MS,
    tailAfterMs: config.SALLYPORT_AUDIT_TAIL_AFTER_MS,
    onLag: (messages) => metrics.lag.set(messages),
  })
  const stopRebuilding = serveRebuild(options, projector)
  metrics.active.set(1)
  logger.info({ position: sequencer.tip()?.position }, 'this instance writes the log now')
  return async () => {
    metrics.active.set(0)
    await stopRebuilding()
    await stopSupervising()
    await stopConsuming()
    await projector.stop()
  }
}
