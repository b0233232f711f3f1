import { isDeepStrictEqual } from 'node:util'
import { listPolicies, putPolicy, removePolicy } from '@sallyport/contracts/policy'
import type { Bus } from '@sallyport/messaging'
import { agentGuard, agentGuardName, retiredGuard, retiredGuardName } from '@sallyport/policy-engine'
import type { Logger } from 'pino'
import { ofKind, type DirectoryDocument } from './document.js'
import type { Installation } from './validate.js'
import { agentUid, viewOf } from './view.js'

export interface GuardDocument { readonly name: string; readonly text: string }

/** For each agent the generated policy that its `connections` stand for, and for each removed one that nothing is allowed any more. */
export const guardsFor = (documents: readonly DirectoryDocument[], installation: Installation): GuardDocument[] => {
  const primary = viewOf(documents, installation).issuers.find((issuer) => issuer.primary)?.name
  return [
    ...ofKind(documents, 'agent').map(({ object, spec }) => ({ name: agentGuardName(object), text: agentGuard({ name: object, uid: agentUid(spec, primary), connections: spec.connections }) })),
    ...ofKind(documents, 'retired-agent').map(({ object, spec }) => ({ name: retiredGuardName(object), text: retiredGuard({ name: object, uid: agentUid(spec, primary) }) })),
  ]
}

const ACTOR = 'api'

export interface Guards {
  /** Makes policy-decision's generated policies those of this directory. With `prune` false nothing is taken away. */
  bring(documents: readonly DirectoryDocument[], prune: boolean): Promise<void>
}

export const makeGuards = (bus: Bus, installation: Installation, logger: Logger): Guards => ({
  bring: async (documents, prune) => {
    const wanted = new Map(guardsFor(documents, installation).map((guard) => [guard.name, guard.text]))
    const { items } = await bus.call(listPolicies, {})
    const present = new Map(items.filter(({ managedBy }) => managedBy === 'generated').map(({ name, text }) => [name, text]))
    if (isDeepStrictEqual(present, wanted)) return
    for (const [name, text] of wanted) {
      if (present.get(name) !== text) await bus.call(putPolicy, { document: { name, text, managedBy: 'generated' }, actor: ACTOR })
    }
    for (const name of prune ? present.keys() : []) {
      if (wanted.has(name)) continue
      logger.info({ policy: name }, 'guards: a guard that no agent and no removed one needs any more is taken away')
      await bus.call(removePolicy, { name, managedBy: 'generated', actor: ACTOR })
    }
  },
})
