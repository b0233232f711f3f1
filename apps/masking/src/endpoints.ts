import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import * as contract from '@sallyport/contracts/masking'
import { startServing, type Bus, type Serving } from '@sallyport/messaging'
import { BUS } from '@sallyport/runtime'
import type { Plans } from './plans.js'
import type { Rules } from './rules.js'
import { PLANS, RULES } from './tokens.js'

/** Serves the masking contracts; any replica answers any request. */
@Injectable()
export class Endpoints implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly serving: Serving

  constructor(
    @Inject(BUS) bus: Bus,
    @Inject(RULES) private readonly rules: Rules,
    @Inject(PLANS) private readonly plans: Plans,
  ) {
    this.serving = startServing(bus)
  }

  async onApplicationBootstrap(): Promise<void> {
    const { rules, plans, serving } = this
    await rules.start()
    serving.serve(contract.plan, (request) => plans.plan(request))
    serving.serve(contract.preview, (request) => plans.preview(request))
    serving.serve(contract.listRules, () => ({ items: [...rules.current().documents], next: null }))
    serving.serve(contract.putRule, async ({ rule, actor }) => {
      const { document, revision } = await rules.put(rule, actor)
      return { rule: document, revision }
    })
    serving.serve(contract.removeRule, ({ name, managedBy, actor }) => rules.remove(name, managedBy, actor))
    serving.serve(contract.stageRules, ({ rules: documents, ...change }) => rules.stage({ ...change, documents }))
    serving.serve(contract.activateRules, ({ change }) => rules.activate(change))
    serving.serve(contract.discardRules, async ({ change }) => {
      await rules.discard(change)
      return {}
    })
  }

  /** Takes no further request, finishes those that it took, and falls silent. */
  async onModuleDestroy(): Promise<void> {
    await this.serving.stop()
    await this.rules.stop()
  }
}
