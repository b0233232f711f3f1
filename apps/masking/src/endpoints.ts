import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import * as contract from '@sallyport/contracts/masking'
import type { Rpc } from '@sallyport/contracts/rpc'
import type { Bus, Stop } from '@sallyport/messaging'
import { BUS } from '@sallyport/runtime'
import type { z } from 'zod'
import type { Plans } from './plans.js'
import type { Rules } from './rules.js'
import { PLANS, RULES } from './tokens.js'

/** Serves the masking contracts; any replica answers any request. */
@Injectable()
export class Endpoints implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly stops: Stop[] = []
  private readonly running = new Set<Promise<unknown>>()

  constructor(
    @Inject(BUS) private readonly bus: Bus,
    @Inject(RULES) private readonly rules: Rules,
    @Inject(PLANS) private readonly plans: Plans,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { rules, plans } = this
    await rules.start()
    this.serve(contract.plan, (request) => plans.plan(request))
    this.serve(contract.preview, (request) => plans.preview(request))
    this.serve(contract.listRules, () => ({ items: [...rules.current().documents], next: null }))
    this.serve(contract.putRule, async ({ rule, actor }) => {
      const { document, revision } = await rules.put(rule, actor)
      return { rule: document, revision }
    })
    this.serve(contract.removeRule, ({ name, managedBy, actor }) => rules.remove(name, managedBy, actor))
    this.serve(contract.stageRules, ({ rules: documents, ...change }) => rules.stage({ ...change, documents }))
    this.serve(contract.activateRules, ({ change }) => rules.activate(change))
    this.serve(contract.discardRules, async ({ change }) => {
      await rules.discard(change)
      return {}
    })
  }

  /** Takes no further request, finishes those that it took, and falls silent. */
  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.stops.splice(0).map((stop) => stop()))
    await Promise.allSettled(this.running)
    await this.rules.stop()
  }

  private serve<R extends Rpc>(rpc: R, handle: (request: z.output<R['request']>) => z.input<R['response']> | Promise<z.input<R['response']>>): void {
    this.stops.push(this.bus.serve(rpc, (request) => {
      const answer = (async () => handle(request))()
      this.running.add(answer)
      const forget = (): void => void this.running.delete(answer)
      answer.then(forget, forget)
      return answer
    }))
  }
}
