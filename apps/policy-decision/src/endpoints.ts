import { Inject, Injectable, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common'
import * as contract from '@sallyport/contracts/policy'
import type { PolicyDocument } from '@sallyport/contracts/policy'
import type { Fault } from '@sallyport/contracts/change'
import type { Rpc } from '@sallyport/contracts/rpc'
import type { Bus, Stop } from '@sallyport/messaging'
import { engineBroken, parsePolicies, type PolicySchema } from '@sallyport/policy-engine'
import { BUS, LOGGER } from '@sallyport/runtime'
import type { Logger } from 'pino'
import type { z } from 'zod'
import type { Decisions } from './decisions.js'
import type { Policies } from './policies.js'
import { DECISIONS, POLICIES, SCHEMA } from './tokens.js'

/** Serves the policy contracts; any replica answers any request. */
@Injectable()
export class Endpoints implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly stops: Stop[] = []
  private readonly running = new Set<Promise<unknown>>()

  constructor(
    @Inject(BUS) private readonly bus: Bus,
    @Inject(POLICIES) private readonly policies: Policies,
    @Inject(DECISIONS) private readonly decisions: Decisions,
    @Inject(SCHEMA) private readonly schema: PolicySchema,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { policies, decisions } = this
    await policies.start()
    this.serve(contract.decide, (request) => this.unlessBroken(() => decisions.decide(request)))
    this.serve(contract.explain, (request) => this.unlessBroken(() => decisions.explain(request)))
    this.serve(contract.listPolicies, () => ({ items: [...policies.current().documents], next: null }))
    this.serve(contract.putPolicy, ({ document, actor }) => policies.put(document, actor))
    this.serve(contract.removePolicy, ({ name, managedBy, actor }) => policies.remove(name, managedBy, actor))
    this.serve(contract.validatePolicies, ({ documents }) => ({ faults: this.validate(documents) }))
    this.serve(contract.stagePolicies, (change) => policies.stage(change))
    this.serve(contract.activatePolicies, ({ change }) => policies.activate(change))
    this.serve(contract.discardPolicies, async ({ change }) => {
      await policies.discard(change)
      return {}
    })
  }

  /** Takes no further request, finishes those that it took, and falls silent. */
  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.stops.splice(0).map((stop) => stop()))
    await Promise.allSettled(this.running)
    await this.policies.stop()
  }

  /** A replica whose engine broke leaves the requests to the others. */
  private unlessBroken<T>(decide: () => T): T {
    try {
      return decide()
    } finally {
      if (engineBroken()) {
        this.logger.fatal('the policy engine broke: this replica serves no more and has to be restarted')
        for (const stop of this.stops.splice(0)) void stop()
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
