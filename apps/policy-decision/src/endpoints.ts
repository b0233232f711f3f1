import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import * as contract from '@sallyport/contracts/policy'
import type { PolicyDocument } from '@sallyport/contracts/policy'
import type { Fault } from '@sallyport/contracts/change'
import { startServing, type Bus, type Serving } from '@sallyport/messaging'
import { engineBroken, parsePolicies, type PolicySchema } from '@sallyport/policy-engine'
import { BUS, LOGGER } from '@sallyport/runtime'
import type { Logger } from 'pino'
import type { Decisions } from './decisions.js'
import type { Policies } from './policies.js'
import { DECISIONS, POLICIES, SCHEMA } from './tokens.js'

/** Serves the policy contracts; any replica answers any request. */
@Injectable()
export class Endpoints implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly serving: Serving

  constructor(
    @Inject(BUS) bus: Bus,
    @Inject(POLICIES) private readonly policies: Policies,
    @Inject(DECISIONS) private readonly decisions: Decisions,
    @Inject(SCHEMA) private readonly schema: PolicySchema,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.serving = startServing(bus)
  }

  async onApplicationBootstrap(): Promise<void> {
    const { policies, decisions, serving } = this
    await policies.start()
    serving.serve(contract.decide, (request) => this.unlessBroken(() => decisions.decide(request)))
    serving.serve(contract.explain, (request) => this.unlessBroken(() => decisions.explain(request)))
    serving.serve(contract.listPolicies, () => ({ items: [...policies.current().documents], next: null }))
    serving.serve(contract.putPolicy, ({ document, actor }) => policies.put(document, actor))
    serving.serve(contract.removePolicy, ({ name, managedBy, actor }) => policies.remove(name, managedBy, actor))
    serving.serve(contract.validatePolicies, ({ documents }) => ({ faults: this.validate(documents) }))
    serving.serve(contract.stagePolicies, (change) => policies.stage(change))
    serving.serve(contract.activatePolicies, ({ change }) => policies.activate(change))
    serving.serve(contract.discardPolicies, async ({ change }) => {
      await policies.discard(change)
      return {}
    })
  }

  /** Takes no further request, finishes those that it took, and falls silent. */
  async onModuleDestroy(): Promise<void> {
    await this.serving.stop()
    await this.policies.stop()
  }

  /** A replica whose engine broke leaves the requests to the others. */
  private async unlessBroken<T>(decide: () => Promise<T>): Promise<T> {
    try {
      return await decide()
    } finally {
      if (engineBroken()) {
        this.logger.fatal('the policy engine broke: this replica serves no more and has to be restarted')
        void this.serving.leave()
      }
    }
  }

  /** Together with what others manage; what the same manager has under other names may be about to change with it. */
  private validate(documents: readonly Omit<PolicyDocument, 'version'>[]): Fault[] {
    const names = new Set(documents.map(({ name }) => name))
    const managers = new Set(documents.map(({ managedBy }) => managedBy))
    const others = this.policies.current().documents.filter(({ name, managedBy }) => !names.has(name) && !managers.has(managedBy))
    return parsePolicies(this.schema, [...others, ...documents], names).faults
  }
}
