import type { StagedDraft } from '@sallyport/configuration'
import type { Difference, Fault } from '@sallyport/contracts/change'
import type { ApplyReply, ApplyRequest } from '@sallyport/contracts/directory'
import { newId } from '@sallyport/contracts/ids'
import { activateRules, discardRules, stageRules } from '@sallyport/contracts/masking'
import { activatePolicies, discardPolicies, stagePolicies } from '@sallyport/contracts/policy'
import { RpcError } from '@sallyport/contracts/rpc'
import type { Bus } from '@sallyport/messaging'
import type { Database } from '@sallyport/persistence'
import type { Logger } from 'pino'
import { draftsOf, type DirectoryDocument } from '../directory/document.js'
import type { Directory } from '../directory/directory.js'
import { desiredSet } from '../directory/retired.js'
import { keepSealed } from '../directory/sealed.js'
import { guardsFor, type Guards } from '../directory/guards.js'
import type { Tables } from '../tables.js'

/** Changes of the configuration of several services: staged by each, then in force in all. */
export interface Changes {
  /** Throws RpcError `invalid` whose details are faults: then nothing has changed anywhere. */
  apply(request: ApplyRequest, actor: string): Promise<ApplyReply>
  /** Finishes changes that were cut off after every service had agreed; then the generated policies are those of the agents. */
  tend(): Promise<void>
}

/** Generated policies are of another manager than those from git, so they are a change of their own in policy-decision. Guards that nobody needs any more go last. */
const guardsChange = (change: string): string => `${change}-guards`
const STAGE_TIMEOUT_MS = 20_000
/** Below the bus's own limit for one message, in bytes. */
const PART_BYTES_MAX = 900 * 1024

interface Parts { readonly database: Database<Tables>; readonly bus: Bus; readonly logger: Logger; readonly directory: Directory; readonly guards: Guards }

/** Both run in turn with all other changes of the configuration: see turns.ts. */
export const makeChanges = (parts: Parts): Changes => ({
  apply: async (request, actor) => {
    const change = newId('chg')
    const staged = await stageAll(parts, change, request, actor).catch(async (error: unknown) => {
      await discardAll(parts, change)
      throw error
    })
    const quiet = staged.differences.every((difference) => difference.change === 'none') && !staged.guardsDiffer
    if (staged.faults.length > 0 || request.dryRun || quiet) await discardAll(parts, change)
    if (staged.faults.length > 0) throw new RpcError('invalid', 'the configuration was not applied: it has faults, and nothing was changed', staged.faults.map((fault) => ({ ...fault })))
    if (request.dryRun || quiet) return { change: null, dryRun: request.dryRun, differences: staged.differences }
    // From here on it goes forward only: every service has validated and stored its part.
    await parts.database.kysely.insertInto('changes').values({ change, actor, began_at: new Date() }).execute()
    await activateAll(parts, change).catch((cause: unknown) => {
      throw new RpcError('unavailable', `every service has accepted change ${change}, and it could not be put in force in all of them yet: that is tried again until it is`, undefined, { cause })
    })
    return { change, dryRun: false, differences: staged.differences }
  },
  tend: async () => {
    const left = await parts.database.kysely.selectFrom('changes').selectAll().orderBy('began_at').execute()
    for (const { change } of left) {
      parts.logger.warn({ change }, 'configuration: an interrupted change is rolled forward')
      await activateAll(parts, change)
    }
    await parts.guards.bring(parts.directory.documents(), true)
  },
})

/** Drafts with the credentials that are sealed already, where these still fit. */
const keepingSealed = (documents: readonly DirectoryDocument[], drafts: readonly StagedDraft<DirectoryDocument>[], reseal: boolean): StagedDraft<DirectoryDocument>[] => {
  const existing = new Map(documents.map((document) => [document.name, document.content]))
  return drafts.map((draft) => ({ ...draft, content: keepSealed(draft.content, existing.get(draft.name), { reseal }) }))
}

interface Staged { readonly differences: Difference[]; readonly faults: Fault[]; readonly guardsDiffer: boolean }

const stageAll = async ({ bus, directory }: Parts, change: string, request: ApplyRequest, actor: string): Promise<Staged> => {
  const drafts = keepingSealed(directory.documents(), draftsOf(request), request.reseal)
  const head = { change, managedBy: 'git', prune: request.prune, actor } as const
  const guards = guardsFor(desiredSet(directory.documents(), drafts, 'git', request.prune), directory.installation)
  const tooLarge = [...oversized('policies', request.policies), ...oversized('maskingRules', request.maskingRules), ...oversized('agents', guards)]
  if (tooLarge.length > 0) return { differences: [], faults: tooLarge, guardsDiffer: false }
  const [own, policies, rules] = await Promise.all([
    directory.set.stage({ ...head, documents: drafts }),
    bus.call(stagePolicies, { ...head, documents: request.policies }, { timeoutMs: STAGE_TIMEOUT_MS }),
    bus.call(stageRules, { ...head, rules: request.maskingRules }, { timeoutMs: STAGE_TIMEOUT_MS }),
  ])
  const generated = own.faults.length > 0
    ? { differences: [], faults: [] }
    : await bus.call(stagePolicies, { change: guardsChange(change), managedBy: 'generated', prune: false, actor, documents: guards }, { timeoutMs: STAGE_TIMEOUT_MS })
  return {
    differences: [...own.differences.map(named), ...policies.differences.map(as('policy')), ...rules.differences.map(as('masking-rule'))],
    faults: [...own.faults, ...policies.faults, ...rules.faults, ...generated.faults],
    guardsDiffer: generated.differences.some((difference) => difference.change !== 'none'),
  }
}

const oversized = (field: string, part: readonly object[]): Fault[] =>
  Buffer.byteLength(JSON.stringify(part)) <= PART_BYTES_MAX ? [] : [{ field, message: `together they are larger than ${PART_BYTES_MAX} bytes, more than can be staged at once` }]

/** The directory's document names carry the kind. */
const named = ({ name, change }: Difference): Difference => {
  const slash = name.indexOf('/')
  return { kind: name.slice(0, slash), name: name.slice(slash + 1), change }
}

const as = (kind: string) => ({ name, change }: Difference): Difference => ({ kind, name, change })

/** What narrows comes first: masking and guards are in force before a connection that they are for. */
const activateAll = async ({ database, bus, directory, guards, logger }: Parts, change: string): Promise<void> => {
  const steps: readonly (() => Promise<unknown>)[] = [
    () => bus.call(activateRules, { change }, { timeoutMs: STAGE_TIMEOUT_MS }),
    () => bus.call(activatePolicies, { change: guardsChange(change) }, { timeoutMs: STAGE_TIMEOUT_MS }),
    () => bus.call(activatePolicies, { change }, { timeoutMs: STAGE_TIMEOUT_MS }),
    () => directory.set.activate(change),
    () => guards.bring(directory.documents(), true),
  ]
  for (const step of steps) {
    await step().catch((error: unknown) => {
      // Nothing else changes the configuration meanwhile, so this should not be; waiting would not mend it.
      if (!(error instanceof RpcError) || (error.code !== 'conflict' && error.code !== 'not-found')) throw error
      logger.error({ change, error: error.message }, 'configuration: a part of a change can never be put in force; the rest of it is')
    })
  }
  await database.kysely.deleteFrom('changes').where('change', '=', change).execute()
  logger.info({ change }, 'configuration: a change is in force')
}

/** Best effort: what stays staged is never put in force, and its owner forgets it after a day. */
const discardAll = async ({ bus, directory, logger }: Parts, change: string): Promise<void> => {
  const done = await Promise.allSettled([
    directory.set.discard(change),
    bus.call(discardPolicies, { change }),
    bus.call(discardPolicies, { change: guardsChange(change) }),
    bus.call(discardRules, { change }),
  ])
  for (const result of done) {
    if (result.status === 'rejected') logger.warn({ change, error: String(result.reason) }, 'configuration: a staged change could not be discarded')
  }
}
