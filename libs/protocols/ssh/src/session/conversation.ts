import type { SessionHost } from '@sallyport/protocol-kit'
import type { Client, Connection } from 'ssh2'
import type { SshOptions } from '../options.js'
import type { Gate } from './gate.js'

/** An open session: both sides, and what its channels need of it. */
export interface Conversation {
  readonly host: SessionHost
  readonly client: Connection
  readonly upstream: Client
  /** The connection's name. */
  readonly connection: string
  /** The account on the target. */
  readonly username: string
  readonly options: SshOptions
  readonly gate: Gate
  /** Aborted when the session ends. */
  readonly ended: AbortSignal
  /** Ends the whole session: something can't be recorded any more, or broke. */
  readonly fail: (thrown: unknown) => void
  /** Keeps track of work until it ends; nothing that it throws is lost. */
  readonly track: (work: Promise<void>) => void
}

