import { isDeepStrictEqual } from 'node:util'
import type { Difference, Fault, ManagedBy } from '@sallyport/contracts/change'
import { RpcError } from '@sallyport/contracts/rpc'
import { documentsOf, evolve, type ConfigurationDocument, type DocumentEvent, type Draft, type Entails, type StagedDraft, type State, type Validate } from './document.js'

/** What a change would do: the events to append (none: everything is so already), the difference to show, and why it may not be. */
export interface Decision<D extends ConfigurationDocument> {
  readonly events: readonly DocumentEvent<D>[]
  readonly differences: readonly Difference[]
  readonly faults: readonly Fault[]
}

export interface StagedChange<D extends ConfigurationDocument> {
  readonly managedBy: ManagedBy
  /** True: documents of this source that are not named are removed. */
  readonly prune: boolean
  readonly documents: readonly StagedDraft<D>[]
}

/** Position is not content: a document that only moved is the same. */
const content = (document: object): object => {
  const { version: _version, file: _file, line: _line, ...rest } = document as Record<string, unknown>
  return Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
}

const sameContent = (a: object, b: object): boolean => isDeepStrictEqual(content(a), content(b))

/** PostgreSQL keeps no NUL in its texts; refused here, where it can be said which document it is. */
const holdsNul = (document: object): boolean => {
  let found = false
  JSON.stringify(document, (key, value: unknown) => {
    if (key.includes('\0') || (typeof value === 'string' && value.includes('\0'))) found = true
    return value
  })
  return found
}

const otherManager = (aggregate: string, name: string, managedBy: ManagedBy): string => `${aggregate} "${name}" is managed by ${managedBy} and is changed there`

const nothing = (): [] => []

/** The events with what they entail; what is judged and stored is all of it. */
const withEntailed = <D extends ConfigurationDocument>(state: State<D>, events: readonly DocumentEvent<D>[], entails: Entails<D>): readonly DocumentEvent<D>[] =>
  [...events, ...entails(documentsOf(state), documentsOf(events.reduce(evolve, state)))]

/** Throws RpcError `conflict` when somebody else manages the name, `invalid` (with faults) when the resulting set does not hold. */
export const decidePut = async <D extends ConfigurationDocument>(aggregate: string, state: State<D>, draft: Draft<D>, validate: Validate<D>, entails: Entails<D> = nothing): Promise<readonly DocumentEvent<D>[]> => {
  const existing = state.get(draft.name)?.document
  if (existing !== undefined && existing.managedBy !== draft.managedBy) throw new RpcError('conflict', otherManager(aggregate, draft.name, existing.managedBy))
  if (holdsNul(draft)) throw new RpcError('invalid', `${aggregate} "${draft.name}" holds a NUL character`)
  if (existing !== undefined && sameContent(existing, draft)) return []
  const events = withEntailed(state, [{ kind: 'put', document: draft }], entails)
  refuse(aggregate, await validate(documentsOf(events.reduce(evolve, state)), new Set([draft.name])))
  return events
}

/** Throws RpcError `not-found`, `conflict`, or `invalid` when what remains does not hold without it. */
export const decideRemove = async <D extends ConfigurationDocument>(aggregate: string, state: State<D>, name: string, managedBy: ManagedBy, validate: Validate<D>, entails: Entails<D> = nothing): Promise<readonly DocumentEvent<D>[]> => {
  const existing = state.get(name)?.document
  if (existing === undefined) throw new RpcError('not-found', `there is no ${aggregate} "${name}"`)
  if (existing.managedBy !== managedBy) throw new RpcError('conflict', otherManager(aggregate, name, existing.managedBy))
  const events = withEntailed(state, [{ kind: 'removed', name }], entails)
  refuse(aggregate, await validate(documentsOf(events.reduce(evolve, state)), new Set()))
  return events
}

const refuse = (aggregate: string, faults: readonly Fault[]): void => {
  if (faults.length > 0) throw new RpcError('invalid', `${aggregate}: ${faults[0]?.message ?? 'does not hold'}`, faults.map((fault) => ({ ...fault })))
}

/** The whole desired set of one source against what is in force. Never throws: everything wrong with it is a fault. */
export const decideChange = async <D extends ConfigurationDocument>(aggregate: string, state: State<D>, change: StagedChange<D>, validate: Validate<D>, entails: Entails<D> = nothing): Promise<Decision<D>> => {
  const events: DocumentEvent<D>[] = []
  const differences: Difference[] = []
  const faults: Fault[] = []
  const named = new Set<string>()
  for (const staged of change.documents) {
    const draft = { ...staged, managedBy: change.managedBy } as unknown as Draft<D>
    const fault = (message: string): void => void faults.push({ ...(draft.file === undefined ? {} : { file: draft.file }), ...(draft.line === undefined ? {} : { line: draft.line }), field: 'metadata.name', message })
    if (named.has(draft.name)) fault(`there are two ${aggregate} documents named "${draft.name}"`)
    named.add(draft.name)
    if (holdsNul(draft)) fault(`${aggregate} "${draft.name}" holds a NUL character`)
    const existing = state.get(draft.name)?.document
    if (existing !== undefined && existing.managedBy !== change.managedBy) fault(otherManager(aggregate, draft.name, existing.managedBy))
    const unchanged = existing !== undefined && sameContent(existing, draft)
    if (!unchanged) events.push({ kind: 'put', document: draft })
    differences.push({ kind: aggregate, name: draft.name, change: existing === undefined ? 'create' : unchanged ? 'none' : 'update' })
  }
  for (const { name, managedBy } of change.prune ? documentsOf(state) : []) {
    if (managedBy !== change.managedBy || named.has(name)) continue
    events.push({ kind: 'removed', name })
    differences.push({ kind: aggregate, name, change: 'delete' })
  }
  if (faults.length > 0) return { events: [], differences, faults }
  const changed = new Set(events.flatMap((event) => (event.kind === 'put' ? [event.document.name] : [])))
  const all = withEntailed(state, events, entails)
  for (const event of all.slice(events.length)) {
    const name = event.kind === 'put' ? event.document.name : event.name
    differences.push({ kind: aggregate, name, change: event.kind === 'removed' ? 'delete' : state.get(name)?.document === undefined ? 'create' : 'update' })
  }
  return { events: all, differences, faults: await validate(documentsOf(all.reduce(evolve, state)), changed) }
}
