import type { ProtocolDescriptor } from '@sallyport/protocol-kit'
import { clients } from './clients.js'
import { actions, facts } from './operations.js'
import { checkOptions } from './options.js'
import { serverKeyMakers } from './server-keys.js'
import { SshSession } from './session.js'
import { loadRecogniser, recognise, textBytesMax, unrecognised } from './recognition/index.js'

/** All that the rest of the platform knows of SSH. */
export const ssh: ProtocolDescriptor = {
  name: 'ssh',
  title: 'SSH',
  defaultPort: 7022,
  actions,
  facts,
  clients,
  credentialKinds: ['password', 'private-key', 'certificate-authority'],
  checkOptions,
  serverKeyMakers,
  createSession: (host) => new SshSession(host),
  loadRecogniser,
  recognise,
  unrecognised,
  limits: { textBytesMax, recogniseTimeoutMs: 1000, handshakeTimeoutMs: 30_000 },
}
