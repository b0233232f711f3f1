import type { Fault, ManagedBy } from '@sallyport/contracts/change'
import type { StoredEvent } from '@sallyport/persistence'
import type { z } from 'zod'

/** What every configuration document has, whatever it configures. `version` counts the changes of this one document. */
export interface ConfigurationDocument {
  readonly name: string
  readonly managedBy: ManagedBy
  readonly version: number
  /** Where it was written, for messages; a document that only moved within its files is unchanged. */
  readonly file?: string | undefined
  readonly line?: number | undefined
}

/** A document as its author gives it. */
export type Draft<D extends ConfigurationDocument> = Omit<D, 'version'>
/** A document of a staged change: the change says who manages it. */
export type StagedDraft<D extends ConfigurationDocument> = Omit<D, 'version' | 'managedBy'>

/** Every name ever used, with the version of its last event; `document` undefined: removed. */
export type State<D extends ConfigurationDocument> = ReadonlyMap<string, { readonly version: number; readonly document: D | undefined }>

export type DocumentEvent<D extends ConfigurationDocument> =
  | { readonly kind: 'put'; readonly document: Draft<D> }
  | { readonly kind: 'removed'; readonly name: string }

/**
 * Judges the whole set as it would be in force. `changed` names what this change creates or updates. Must depend on its arguments
 * only, for a change is judged when it is staged and again when it is activated.
 */
export type Validate<D extends ConfigurationDocument> = (documents: readonly D[], changed: ReadonlySet<string>) => readonly Fault[] | Promise<readonly Fault[]>

/**
 * What a change brings with it, by the documents in force before it and after it. Depends on its arguments only, as {@link Validate} does,
 * and names nothing that the change itself puts or removes.
 */
export type Entails<D extends ConfigurationDocument> = (before: readonly D[], after: readonly D[]) => readonly DocumentEvent<D>[]

export const eventType = (aggregate: string, kind: DocumentEvent<ConfigurationDocument>['kind']): string => `sallyport.${aggregate}.${kind}.v1`

/** What is stored of an event. A put carries the whole document, so the last event of a name says all that counts about it. */
export const eventData = <D extends ConfigurationDocument>(event: DocumentEvent<D>): object => {
  switch (event.kind) {
    case 'put': return { document: event.document }
    case 'removed': return { name: event.name }
    default: return event satisfies never
  }
}

/** Folds stored events, in order within each name. Throws when an event is of an unknown type or does not fit the schema. */
export const fold = <D extends ConfigurationDocument>(aggregate: string, schema: z.ZodType<D>, events: readonly StoredEvent[]): State<D> => {
  const state = new Map<string, { version: number; document: D | undefined }>()
  for (const event of events) {
    if (event.type === eventType(aggregate, 'removed')) state.set(event.id, { version: event.version, document: undefined })
    else if (event.type === eventType(aggregate, 'put')) {
      const document = schema.parse({ ...(event.data['document'] as object), version: event.version })
      state.set(event.id, { version: event.version, document })
    } else throw new Error(`${aggregate} ${event.id} has an event of an unknown type: ${event.type}`)
  }
  return state
}

/** The documents in force, by name. */
export const documentsOf = <D extends ConfigurationDocument>(state: State<D>): D[] =>
  [...state.values()].flatMap(({ document }) => (document === undefined ? [] : [document])).sort((a, b) => (a.name < b.name ? -1 : 1))

/** What an event makes of the state, for judging a change before it is stored. */
export const evolve = <D extends ConfigurationDocument>(state: State<D>, event: DocumentEvent<D>): State<D> => {
  const name = event.kind === 'put' ? event.document.name : event.name
  const version = (state.get(name)?.version ?? 0) + 1
  const document = event.kind === 'put' ? ({ ...event.document, version } as unknown as D) : undefined
  return new Map(state).set(name, { version, document })
}
