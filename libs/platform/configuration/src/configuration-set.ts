import type { ManagedBy } from '@sallyport/contracts/change'
import { stageReplySchema } from '@sallyport/contracts/change'
import { RpcError } from '@sallyport/contracts/rpc'
import { appendEvents, ConcurrencyError } from '@sallyport/persistence'
import type { Kysely, Transaction } from 'kysely'
import type { z } from 'zod'
import type { AggregateTables } from '@sallyport/persistence'
import { decideChange, decidePut, decideRemove, type Decision, type StagedChange } from './decide.js'
import { eventData, eventType, type ConfigurationDocument, type DocumentEvent, type Draft, type Entails, type StagedDraft, type State, type Validate } from './document.js'
import { createReplica, readState, type ReplicaOptions, type Snapshot } from './replica.js'
import type { ConfigurationTables } from './tables.js'

export interface ConfigurationSetOptions<D extends ConfigurationDocument, C> extends ReplicaOptions<D, C> {
  readonly validate: Validate<D>
  readonly entails?: Entails<D>
}

type StageReply = z.infer<typeof stageReplySchema>

/**
 * A service's configuration as a versioned set of documents. Every change is an event of the document's aggregate, and moves the set's
 * revision in the same transaction. Before `put`, `remove` and `activate` answer, this replica decides by the new revision and has said so.
 */
export interface ConfigurationSet<D extends ConfigurationDocument, C> {
  start(): Promise<void>
  /** What to decide by. Throws RpcError `unavailable` when it was not verified within the last second. */
  current(): Snapshot<D, C>
  /** The same, verified now when that is longer ago. */
  fresh(): Promise<Snapshot<D, C>>
  verified(): boolean
  /** Creates or replaces. An equal document is no change. Throws RpcError `conflict`, `invalid` (details are faults), `unavailable`. */
  put(draft: Draft<D>, actor: string): Promise<{ document: D; revision: number }>
  /** Throws RpcError `not-found`, `conflict`, `invalid`, `unavailable`. */
  remove(name: string, managedBy: ManagedBy, actor: string): Promise<{ revision: number }>
  /** Validates and keeps the desired set under the change's id, unless there are faults. Throws RpcError `conflict` when that change is in force or discarded. */
  stage(change: { readonly change: string; readonly managedBy: ManagedBy; readonly prune: boolean; readonly actor: string; readonly documents: readonly StagedDraft<D>[] }): Promise<StageReply>
  /** Puts a staged change in force. Idempotent. Throws RpcError `not-found`, or `conflict` when it no longer holds against what changed meanwhile. */
  activate(change: string): Promise<{ revision: number }>
  discard(change: string): Promise<void>
  stop(): Promise<void>
}

type Tables = AggregateTables & ConfigurationTables
type Tx = Transaction<Tables>

/** The set's lock: until the transaction ends nobody else changes it. Answers the revision. */
const lockRevision = async (transaction: Tx, aggregate: string): Promise<number> =>
  (await transaction.selectFrom('configuration_revisions').select('revision').where('aggregate', '=', aggregate).forUpdate().executeTakeFirstOrThrow()).revision

const store = async <D extends ConfigurationDocument>(transaction: Tx, aggregate: string, state: State<D>, events: readonly DocumentEvent<D>[], actor: string, revision: number): Promise<number> => {
  if (events.length === 0) return revision
  for (const event of events) {
    const id = event.kind === 'put' ? event.document.name : event.name
    await appendEvents(transaction, { aggregate, id, expectedVersion: state.get(id)?.version ?? 0, events: [{ type: eventType(aggregate, event.kind), data: eventData(event) }], actor })
  }
  await transaction.updateTable('configuration_revisions').set({ revision: revision + 1 }).where('aggregate', '=', aggregate).execute()
  return revision + 1
}

/** Anything the database could not do leaves the change undone (or, if its answer got lost, in doubt): the caller is told so and asks again. */
const asRpcError = (aggregate: string, thrown: unknown): RpcError => {
  if (thrown instanceof RpcError) return thrown
  if (thrown instanceof ConcurrencyError) return new RpcError('conflict', `${aggregate}: somebody else changed it at the same time`, undefined, { cause: thrown })
  return new RpcError('unavailable', `${aggregate}: the change could not be stored now`, undefined, { cause: thrown })
}

export const configurationSet = <D extends ConfigurationDocument, C>(options: ConfigurationSetOptions<D, C>): ConfigurationSet<D, C> => {
  const { aggregate, schema, validate, entails } = options
  const db = options.database.kysely as Kysely<Tables>
  const replica = createReplica(options)

  /** One locked transaction; afterwards this replica has the result before anybody is told of it. */
  const change = async <T>(work: (transaction: Tx, state: State<D>, revision: number) => Promise<T>): Promise<T> => {
    let result: T
    try {
      result = await db.transaction().execute(async (transaction) => {
        const revision = await lockRevision(transaction, aggregate)
        return work(transaction, await readState(transaction, aggregate, schema), revision)
      })
    } catch (thrown) {
      const error = asRpcError(aggregate, thrown)
      if (error.code === 'unavailable') options.logger.error({ aggregate, error: String(thrown) }, 'configuration: a change could not be stored')
      throw error
    }
    // Committed all the same when this fails: then the replica is silent, and what was cached under the old revision dies of age.
    await replica.refresh().catch(() => undefined)
    return result
  }

  const put: ConfigurationSet<D, C>['put'] = (draft, actor) => change(async (transaction, state, revision) => {
    const normal = normalise(schema, draft)
    const events = await decidePut(aggregate, state, normal, validate, entails)
    const version = (state.get(draft.name)?.version ?? 0) + 1
    const document = events.length === 0 ? state.get(draft.name)?.document as D : schema.parse({ ...normal, version })
    return { document, revision: await store(transaction, aggregate, state, events, actor, revision) }
  })

  const remove: ConfigurationSet<D, C>['remove'] = (name, managedBy, actor) => change(async (transaction, state, revision) =>
    ({ revision: await store(transaction, aggregate, state, await decideRemove(aggregate, state, name, managedBy, validate, entails), actor, revision) }))

  const stage: ConfigurationSet<D, C>['stage'] = (staged) => change(async (transaction, state) => {
    const documents = staged.documents.map((document) => normaliseStaged(schema, document, staged.managedBy))
    const decision = await decideChange(aggregate, state, { ...staged, documents }, validate, entails)
    await keep(transaction, aggregate, staged, documents, decision)
    return { differences: [...decision.differences], faults: [...decision.faults] }
  })

  const activate: ConfigurationSet<D, C>['activate'] = (id) => change(async (transaction, state, revision) => {
    const row = await transaction.selectFrom('configuration_changes').selectAll().where('aggregate', '=', aggregate).where('change', '=', id).executeTakeFirst()
    if (row?.state === 'activated' && row.revision !== null) return { revision: row.revision }
    if (row === undefined || row.state !== 'staged') throw new RpcError('not-found', `${aggregate}: no change ${id} is staged`)
    const staged: StagedChange<D> = { managedBy: row.managed_by, prune: row.prune, documents: JSON.parse(row.documents) as StagedDraft<D>[] }
    const decision = await decideChange(aggregate, state, staged, validate, entails)
    if (decision.faults.length > 0) throw new RpcError('conflict', `${aggregate}: change ${id} no longer holds: ${decision.faults[0]?.message ?? ''}`, decision.faults.map((fault) => ({ ...fault })))
    const next = await store(transaction, aggregate, state, decision.events, row.actor, revision)
    await transaction.updateTable('configuration_changes').set({ state: 'activated', revision: next, documents: '[]' }).where('aggregate', '=', aggregate).where('change', '=', id).execute()
    return { revision: next }
  })

  const discard = (id: string): Promise<void> => change(async (transaction) => {
    await transaction.updateTable('configuration_changes').set({ state: 'discarded', documents: '[]' })
      .where('aggregate', '=', aggregate).where('change', '=', id).where('state', '=', 'staged').execute()
  })

  return { start: replica.start, current: replica.current, fresh: replica.fresh, verified: replica.verified, put, remove, stage, activate, discard, stop: async () => { await replica.stop() } }
}

const ABANDONED_AFTER_MS = 24 * 60 * 60 * 1000

const keep = async <D extends ConfigurationDocument>(
  transaction: Tx,
  aggregate: string,
  staged: { readonly change: string; readonly managedBy: ManagedBy; readonly prune: boolean; readonly actor: string },
  documents: readonly StagedDraft<D>[],
  decision: Decision<D>,
): Promise<void> => {
  await transaction.deleteFrom('configuration_changes').where('aggregate', '=', aggregate).where('staged_at', '<', new Date(Date.now() - ABANDONED_AFTER_MS)).execute()
  const row = await transaction.selectFrom('configuration_changes').select('state').where('aggregate', '=', aggregate).where('change', '=', staged.change).executeTakeFirst()
  if (row !== undefined && row.state !== 'staged') throw new RpcError('conflict', `${aggregate}: change ${staged.change} is ${row.state} already`)
  await transaction.deleteFrom('configuration_changes').where('aggregate', '=', aggregate).where('change', '=', staged.change).execute()
  if (decision.faults.length > 0) return
  await transaction.insertInto('configuration_changes').values({
    aggregate, change: staged.change, state: 'staged', managed_by: staged.managedBy, prune: staged.prune, actor: staged.actor,
    documents: JSON.stringify(documents), revision: null, staged_at: new Date(),
  }).execute()
}

/** The document with its defaults filled in, so that equal ones compare equal however they were written. Throws RpcError `invalid`. */
const normalise = <D extends ConfigurationDocument>(schema: z.ZodType<D>, draft: Draft<D>): Draft<D> => {
  const parsed = schema.safeParse({ ...draft, version: 1 })
  if (!parsed.success) throw new RpcError('invalid', `${draft.name}: ${parsed.error.issues[0]?.message ?? 'does not fit its schema'}`)
  const { version: _version, ...rest } = parsed.data
  return rest as unknown as Draft<D>
}

const normaliseStaged = <D extends ConfigurationDocument>(schema: z.ZodType<D>, document: StagedDraft<D>, managedBy: ManagedBy): StagedDraft<D> => {
  const { managedBy: _managedBy, ...rest } = normalise(schema, { ...document, managedBy } as unknown as Draft<D>) as Draft<D> & { managedBy: ManagedBy }
  return rest as unknown as StagedDraft<D>
}
