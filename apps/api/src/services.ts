import type { Bus } from '@sallyport/messaging'
import type { ProtocolDescriptor } from '@sallyport/protocol-kit'
import type { Changes } from './apply/changes.js'
import type { Turns } from './apply/turns.js'
import type { Config } from './config.js'
import type { Credentials } from './credentials/credentials.js'
import type { Directory } from './directory/directory.js'
import type { Guards } from './directory/guards.js'

/** What the routes' handlers work with. */
export interface Services {
  readonly bus: Bus
  readonly config: Config
  readonly directory: Directory
  readonly credentials: Credentials
  readonly guards: Guards
  readonly changes: Changes
  readonly turns: Turns
  readonly protocols: readonly Pick<ProtocolDescriptor, 'name' | 'title' | 'actions' | 'defaultPort' | 'credentialKinds' | 'checkOptions'>[]
}
