import type { StagedDraft } from '@sallyport/configuration'
import { directoryDocumentSchema, type ApplyRequest } from '@sallyport/contracts/directory'
import type { z } from 'zod'

export type DirectoryDocument = z.infer<typeof directoryDocumentSchema>
/** What one object of the directory says; `object` is its name among its kind. */
export type Content = DirectoryDocument['content']
export type DirectoryKind = Content['kind']

export const documentName = (kind: DirectoryKind, object: string): string => `${kind}/${object}`

/** One object of the directory with what is known about its document. */
export type DocumentOf<K extends DirectoryKind> = Extract<Content, { kind: K }> & Omit<DirectoryDocument, 'content' | 'name'> & { readonly document: string }

export const ofKind = <K extends DirectoryKind>(documents: readonly DirectoryDocument[], kind: K): DocumentOf<K>[] =>
  documents.flatMap(({ content, name, ...rest }) => (content.kind === kind ? [{ ...rest, ...content, document: name } as unknown as DocumentOf<K>] : []))

interface Written {
  readonly name: string
  readonly labels?: Readonly<Record<string, string>>
  readonly spec: object
  readonly file?: string | undefined
  readonly line?: number | undefined
}

/** One object as a document. `spec` must be of the kind. */
export const draftOf = (kind: DirectoryKind, { name, labels, spec, ...position }: Written): StagedDraft<DirectoryDocument> =>
  ({ name: documentName(kind, name), content: { kind, object: name, ...(kind === 'connection' ? { labels: labels ?? {} } : {}), spec } as Content, ...position })

/** The objects of a configuration that belong to the directory, as documents of one change. */
export const draftsOf = (request: ApplyRequest): StagedDraft<DirectoryDocument>[] => [
  ...request.issuers.map((object) => draftOf('issuer', object)),
  ...request.roleBindings.map((object) => draftOf('role-binding', object)),
  ...request.connections.map((object) => draftOf('connection', object)),
  ...request.agents.map((object) => draftOf('agent', object)),
]
