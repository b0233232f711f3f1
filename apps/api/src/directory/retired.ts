import type { DocumentEvent, StagedDraft } from '@sallyport/configuration'
import type { ManagedBy } from '@sallyport/contracts/change'
import { draftOf, ofKind, type DirectoryDocument } from './document.js'

const NAME_CHARS_MAX = 50
const identityOf = ({ spec }: { readonly spec: { readonly issuer: string; readonly subject: string } }): string => JSON.stringify([spec.issuer, spec.subject])

/**
 * What becomes of agents that a change leaves without a registration: they stay as retired ones, for their tokens go on being tokens of
 * their groups, and without the agent's own limits they would reach more than before. By subject and not by name: one that is given
 * another subject leaves the former one behind. Whoever is registered again is retired no longer.
 */
export const retirements = (before: readonly DirectoryDocument[], after: readonly DirectoryDocument[]): DocumentEvent<DirectoryDocument>[] => {
  const live = new Set(ofKind(after, 'agent').map(identityOf))
  const retired = ofKind(after, 'retired-agent')
  const back = retired.filter((each) => live.has(identityOf(each)))
  const known = new Set(retired.map(identityOf))
  const names = new Set(retired.map(({ object }) => object))
  const gone = ofKind(before, 'agent').filter((agent) => !live.has(identityOf(agent)) && !known.has(identityOf(agent)))
  return [
    ...back.map(({ document }) => ({ kind: 'removed' as const, name: document })),
    ...gone.map(({ object, spec: { issuer, subject, owner } }) => {
      const name = freeName(object.slice(0, NAME_CHARS_MAX).replace(/-+$/, ''), names)
      names.add(name)
      return { kind: 'put' as const, document: { ...draftOf('retired-agent', { name, spec: { issuer, subject, owner } }), managedBy: 'generated' as const } }
    }),
  ]
}

/** The agent's own name, unless another subject was retired under it. */
const freeName = (wanted: string, taken: ReadonlySet<string>): string => {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? wanted : `${wanted}-${number}`
    if (!taken.has(name)) return name
  }
}

/** The directory as a change would make it, before anybody has judged it. */
export const desiredSet = (documents: readonly DirectoryDocument[], drafts: readonly StagedDraft<DirectoryDocument>[], managedBy: ManagedBy, prune: boolean): DirectoryDocument[] => {
  const named = new Set(drafts.map(({ name }) => name))
  const kept = documents.filter((document) => !named.has(document.name) && !(prune && document.managedBy === managedBy))
  const after = [...kept, ...drafts.map((each) => ({ ...each, managedBy, version: 0 }))]
  const entailed = retirements(documents, after)
  const removed = new Set(entailed.flatMap((event) => (event.kind === 'removed' ? [event.name] : [])))
  return [...after.filter(({ name }) => !removed.has(name)), ...entailed.flatMap((event) => (event.kind === 'put' ? [{ ...event.document, version: 0 }] : []))]
}
