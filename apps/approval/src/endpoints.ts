import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import * as contract from '@sallyport/contracts/approval'
import { at, RpcError, type Rpc } from '@sallyport/contracts/rpc'
import { startServing, type Bus, type Serving } from '@sallyport/messaging'
import { BUS, LOGGER } from '@sallyport/runtime'
import type { Logger } from 'pino'
import type { z } from 'zod'
import { viewOf, type ApprovalState } from './approval.js'
import { decideApprove } from './approve/decide.js'
import { claimParked } from './claim/handle.js'
import { accept, refuse, type Decision } from './decision.js'
import { decideDeny } from './deny/decide.js'
import { decideExpire } from './expire/decide.js'
import { asCallerSees } from './faults.js'
import { queryApprovals } from './list-approvals/query.js'
import { decideMarkExecuted } from './mark-executed/decide.js'
import { decideRelease } from './release/decide.js'
import { requestApproval } from './request-approval/handle.js'
import { notFound, type ApprovalStore } from './store.js'
import { STORE } from './tokens.js'
import { decideWithdraw } from './withdraw/decide.js'

/** Serves the approval contracts; any replica answers any request. */
@Injectable()
export class Endpoints implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly serving: Serving

  constructor(
    @Inject(BUS) private readonly bus: Bus,
    @Inject(STORE) private readonly store: ApprovalStore,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.serving = startServing(bus)
  }

  async onApplicationBootstrap(): Promise<void> {
    const { store } = this
    const changed = async (state: Promise<ApprovalState>) => viewOf(await state)
    this.serveProxies(contract.requestApproval, async (request, proxy) => {
      if (request.proxy !== proxy) throw new RpcError('forbidden', 'A proxy asks for approvals under its own name only.')
      return viewOf(await requestApproval(store, request))
    })
    this.serveProxies(contract.getApproval, async ({ id }, proxy) => {
      const state = await getApproval(store, id)
      if (state.request.proxy !== proxy && state.releasedTo?.proxy !== proxy) throw notFound(id)
      return viewOf(state)
    })
    this.serve(contract.getApproval, ({ id }) => changed(getApproval(store, id)))
    this.serve(contract.listApprovals, (query) => queryApprovals(store, query))
    this.serve(contract.approve, ({ id, approver, comment }) => changed(store.change(id, approver.uid, (state, now) => decideApprove(state, { approver, comment, now }))))
    this.serve(contract.deny, ({ id, approver, comment }) => changed(store.change(id, approver.uid, (state, now) => decideDeny(state, { approver, comment, now }))))
    this.serveProxies(contract.withdraw, ({ id, reason }, proxy) => changed(store.change(id, proxy, (state, now) => (state.request.proxy === proxy ? decideWithdraw(state, { reason, now }) : anothers(id)))))
    this.serveProxies(contract.release, ({ id, ...what }, proxy) => changed(store.change(id, proxy, (state, now) => decideRelease(state, { ...what, proxy, now }))))
    this.serveProxies(contract.executed, ({ id, outcome }, proxy) => changed(store.change(id, proxy, (state, now) => (state.releasedTo === null || state.releasedTo.proxy === proxy ? decideMarkExecuted(state, { outcome, now }) : anothers(id)))))
    this.serveProxies(contract.claim, async (what, proxy) => {
      const claimed = await claimParked(store, { ...what, proxy })
      return { approval: claimed && viewOf(claimed) }
    })
    // Started means that the server knows who answers: without it the first request can find nobody.
    await this.bus.flush()
  }

  /** Takes no further request, and finishes those that it took. */
  async onModuleDestroy(): Promise<void> {
    await this.serving.stop()
  }

  /** What proxies ask: the last part of the subject is who asks, which the bus lets no other proxy say. */
  private serveProxies<R extends Rpc>(rpc: R, handle: (request: z.output<R['request']>, proxy: string) => Promise<z.input<R['response']>>): void {
    this.serve(at(rpc, '*'), (request, subject) => handle(request, subject.slice(subject.lastIndexOf('.') + 1)))
  }

  private serve<R extends Rpc>(rpc: R, handle: (request: z.output<R['request']>, subject: string) => Promise<z.input<R['response']>>): void {
    this.serving.serve(rpc, (request, subject) => handle(request, subject).catch((error: unknown) => {
      const seen = asCallerSees(error)
      if (seen !== error) this.logger.error({ subject: rpc.subject, error: String(error) }, 'the database failed a request')
      throw seen
    }))
  }
}

const anothers = (id: string): Decision => refuse('forbidden', `Approval ${id} is another proxy's.`)

/** As it is now: what is overdue is closed first. */
const getApproval = async (store: ApprovalStore, id: string): Promise<ApprovalState> => {
  const state = await store.read(id)
  if (state === undefined) throw notFound(id)
  return decideExpire(state, await store.now()).events.length === 0 ? state : store.change(id, 'approval', () => accept())
}
