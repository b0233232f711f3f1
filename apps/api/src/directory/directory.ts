import { configurationSet, type ConfigurationSet } from '@sallyport/configuration'
import { DIRECTORY_HEARTBEAT, directoryDocumentSchema } from '@sallyport/contracts/directory'
import type { Bus } from '@sallyport/messaging'
import type { Database } from '@sallyport/persistence'
import type { Logger } from 'pino'
import type { Tables } from '../tables.js'
import { documentName, draftOf, ofKind, type DirectoryDocument, type DirectoryKind, type DocumentOf } from './document.js'
import { retirements } from './retired.js'
import { keepSealed } from './sealed.js'
import { validateDirectory, type Installation } from './validate.js'
import { viewOf, type DirectoryView } from './view.js'

/** Connections, agents, issuers and role bindings, as one versioned set. */
export interface Directory {
  readonly set: ConfigurationSet<DirectoryDocument, DirectoryView>
  readonly installation: Installation
  /** Throws RpcError `unavailable` unless it was verified against the database within the last second. */
  view(): DirectoryView
  documents(): readonly DirectoryDocument[]
  /** Creates or replaces one object by hand. Throws RpcError `conflict`, `invalid` (details are faults), `unavailable`. */
  put<K extends DirectoryKind>(kind: K, object: { readonly name: string; readonly labels?: Readonly<Record<string, string>>; readonly spec: object }, actor: string): Promise<DocumentOf<K>>
  /** Throws RpcError `not-found`, `conflict`, `invalid` when something refers to it, `unavailable`. */
  remove(kind: DirectoryKind, name: string, actor: string): Promise<void>
  /** Lifts what is left of a removed agent: whoever it was is from then on whatever the tokens say. Throws RpcError `not-found`, `unavailable`. */
  forget(retired: string, actor: string): Promise<void>
}

export interface DirectoryParts {
  readonly database: Database<Tables>
  readonly bus: Bus
  readonly logger: Logger
  readonly instance: string
  readonly installation: Installation
}

export const makeDirectory = ({ installation, ...rest }: DirectoryParts): Directory => {
  const set = configurationSet<DirectoryDocument, DirectoryView>({
    ...rest,
    aggregate: 'directory',
    schema: directoryDocumentSchema,
    heartbeat: DIRECTORY_HEARTBEAT,
    validate: (documents, changed) => validateDirectory(installation, documents, changed),
    entails: retirements,
    load: ({ documents }) => viewOf(documents, installation),
  })
  return {
    set,
    installation,
    view: () => set.current().compiled,
    documents: () => set.current().documents,
    put: async (kind, object, actor) => {
      const written = draftOf(kind, object)
      const existing = set.current().documents.find(({ name }) => name === written.name)
      const { document } = await set.put({ ...written, content: keepSealed(written.content, existing?.content, { reseal: true }), managedBy: 'api' }, actor)
      return ofKind([document], kind)[0]!
    },
    remove: async (kind, name, actor) => {
      await set.remove(documentName(kind, name), 'api', actor)
    },
    forget: async (retired, actor) => {
      await set.remove(documentName('retired-agent', retired), 'generated', actor)
    },
  }
}
