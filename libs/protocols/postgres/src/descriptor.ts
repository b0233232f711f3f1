import type { ProtocolDescriptor } from '@sallyport/protocol-kit'
import { createCatalog } from './catalog.js'
import { clients } from './clients.js'
import { actions, facts, loadRecogniser, recognise, textBytesMax, unrecognised } from './recognition/index.js'
import { PostgresSession } from './session.js'

/** All that the rest of the platform knows of PostgreSQL. */
export const postgres: ProtocolDescriptor = {
  name: 'postgres',
  title: 'PostgreSQL',
  defaultPort: 7432,
  actions,
  facts,
  clients,
  credentialKinds: ['password'],
  createSession: (host) => new PostgresSession(host),
  createCatalog,
  loadRecogniser,
  recognise,
  unrecognised,
  limits: { textBytesMax, recogniseTimeoutMs: 1000, handshakeTimeoutMs: 30_000 },
}
