import type { Fault } from '@sallyport/contracts/change'
import type { Issuer } from '@sallyport/contracts/identity'
import type { ProtocolDescriptor } from '@sallyport/protocol-kit'
import { ofKind, type DirectoryDocument, type DocumentOf } from './document.js'
import { sealingFault } from './sealed.js'

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/

/** What the installation is made of, as far as the directory's objects may refer to it. */
export interface Installation {
  /** Its protocols by name: what a connection of each may say. */
  readonly protocols: ReadonlyMap<string, Pick<ProtocolDescriptor, 'title' | 'credentialKinds' | 'checkOptions'>>
  /** Trusted while no issuer is configured. */
  readonly developmentIssuer: Issuer | undefined
}

/** What is wrong with the directory as it would be. References are judged over all of it; the rest only in what changes. */
export const validateDirectory = (installation: Installation, documents: readonly DirectoryDocument[], changed: ReadonlySet<string>): Fault[] => {
  const mine = documents.filter(({ name }) => changed.has(name))
  return [
    ...ofKind(mine, 'connection').flatMap((connection) => connectionFaults(installation, connection)),
    ...agentFaults(installation, documents),
    ...issuerFaults(documents, changed),
  ]
}

const at = ({ file, line }: Pick<DirectoryDocument, 'file' | 'line'>, field: string, message: string): Fault =>
  ({ ...(file === undefined ? {} : { file }), ...(line === undefined ? {} : { line }), field, message })

const connectionFaults = (installation: Installation, document: DocumentOf<'connection'>): Fault[] => {
  const { object: name, spec } = document
  const faults: Fault[] = []
  const protocol = installation.protocols.get(spec.protocol)
  if (protocol === undefined) faults.push(at(document, 'spec.protocol', `"${spec.protocol}" is not a protocol of this installation (${[...installation.protocols.keys()].join(', ') || 'it has none'})`))
  else faults.push(...protocolFaults(protocol, document))
  const sealing = sealingFault(name, spec)
  if (sealing !== undefined) faults.push(at(document, 'spec.credentials.sealed', sealing))
  if (/[\s/@\0]/.test(spec.target.host)) faults.push(at(document, 'spec.target.host', 'a host is a name or an address, without scheme, port or path'))
  return faults
}

/** What the protocol has to say of the credential and of its own options. */
const protocolFaults = ({ title, credentialKinds, checkOptions }: Pick<ProtocolDescriptor, 'title' | 'credentialKinds' | 'checkOptions'>, document: DocumentOf<'connection'>): Fault[] => {
  const { credentials, options } = document.spec
  const faults = credentialKinds.includes(credentials.kind) ? [] : [at(document, 'spec.credentials', `a ${title} target takes ${credentialKinds.join(' or ')}, not ${credentials.kind}`)]
  if (checkOptions !== undefined) return [...faults, ...checkOptions(options).map(({ field, problem }) => at(document, field === '' ? 'spec.options' : `spec.options.${field}`, problem))]
  return Object.keys(options).length === 0 ? faults : [...faults, at(document, 'spec.options', `${title} connections have no options`)]
}

const agentFaults = (installation: Installation, documents: readonly DirectoryDocument[]): Fault[] => {
  const connections = new Set(ofKind(documents, 'connection').map(({ object }) => object))
  const configured = ofKind(documents, 'issuer').map(({ object }) => object)
  const issuers = new Set(configured.length === 0 && installation.developmentIssuer !== undefined ? [installation.developmentIssuer.name] : configured)
  const seen = new Map<string, string>()
  return ofKind(documents, 'agent').flatMap((document) => {
    const { object: label, spec } = document
    const faults = spec.connections.flatMap((name, index) => (connections.has(name) ? [] : [at(document, `spec.connections.${index}`, `agent "${label}" names the connection "${name}", and there is none of that name`)]))
    if (!issuers.has(spec.issuer)) faults.push(at(document, 'spec.issuer', `agent "${label}" names the issuer "${spec.issuer}", which is not trusted here (${[...issuers].join(', ') || 'none is'})`))
    const identity = JSON.stringify([spec.issuer, spec.subject])
    const twin = seen.get(identity)
    if (twin !== undefined) faults.push(at(document, 'spec.subject', `agents "${twin}" and "${label}" are the same subject of the same issuer`))
    seen.set(identity, label)
    return faults
  })
}

const issuerFaults = (documents: readonly DirectoryDocument[], changed: ReadonlySet<string>): Fault[] => {
  const issuers = ofKind(documents, 'issuer')
  if (issuers.length === 0) return []
  const faults: Fault[] = []
  const primaries = issuers.filter(({ spec }) => spec.primary)
  const culprit = issuers.find(({ document }) => changed.has(document)) ?? issuers[0]!
  if (primaries.length !== 1) faults.push(at(culprit, 'spec.primary', `exactly one issuer is the primary one, and ${primaries.length === 0 ? 'none is' : primaries.map(({ object }) => object).join(' and ') + ' are'}`))
  const urls = new Map<string, string>()
  for (const document of issuers) {
    const { object: label, spec } = document
    const twin = urls.get(spec.oidc.url)
    if (twin !== undefined) faults.push(at(document, 'spec.oidc.url', `issuers "${twin}" and "${label}" have the same URL`))
    urls.set(spec.oidc.url, label)
    const url = new URL(spec.oidc.url)
    if (url.protocol !== 'https:' && !LOOPBACK.test(url.hostname)) faults.push(at(document, 'spec.oidc.url', 'an issuer that is not on loopback has an https URL'))
  }
  const admins = ofKind(documents, 'role-binding').some(({ spec }) => spec.role === 'admin')
  if (!admins) faults.push(at(culprit, 'kind', 'with an Issuer of your own the development roles end: bind a group to the role admin (kind RoleBinding), or nobody could configure anything any more'))
  return faults
}
