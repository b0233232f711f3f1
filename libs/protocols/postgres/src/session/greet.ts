import { Refusal, type SessionHost } from '@sallyport/protocol-kit'
import { negotiateProtocolVersion } from '../codec/encode.js'
import type { Inbox } from '../codec/inbox.js'
import { MalformedFrame } from '../codec/malformed.js'
import { parseStartup, startupLength, type StartupPacket } from '../codec/startup.js'
import { startup } from '../codec/types.js'

/** What the client wants: a session, or only to cancel one. */
export type Greeting =
  | { readonly kind: 'cancel'; readonly key: Buffer }
  | { readonly kind: 'start'; readonly user: string; readonly database: string | undefined; readonly version: number; readonly parameters: ReadonlyMap<string, string> }

const refuse = Buffer.from('N')
const accept = Buffer.from('S')

const nextPacket = async (inbox: Inbox): Promise<StartupPacket> => {
  const length = startupLength(await inbox.peek(4)) ?? 0
  return parseStartup(await inbox.take(length))
}

/** Start-up up to and including StartupMessage: encryption is settled here, each kind asked for once at most. @throws MalformedFrame, Refusal */
export const greet = async (host: SessionHost, inbox: Inbox): Promise<Greeting> => {
  let tlsAsked = false
  let gssAsked = false
  let secured = host.clientTls === 'active'
  for (;;) {
    const packet = await nextPacket(inbox)
    switch (packet.kind) {
      case 'ssl':
        if (tlsAsked) throw new MalformedFrame('SSLRequest was sent twice')
        tlsAsked = true
        if (host.clientTls === 'none' || host.clientTls === 'active') {
          host.send('client', refuse)
          break
        }
        if (!inbox.empty) throw new MalformedFrame('received unencrypted data after SSL request')
        host.send('client', accept)
        await host.secure('client')
        secured = true
        break
      case 'gssenc':
        if (gssAsked) throw new MalformedFrame('GSSENCRequest was sent twice')
        gssAsked = true
        host.send('client', refuse)
        break
      case 'cancel':
        return packet
      case 'unsupported':
        throw new UnsupportedProtocol(`unsupported frontend protocol ${packet.major}.${packet.minor}: server supports 3.0 to 3.2`)
      case 'startup':
        if (host.clientTls === 'required' && !secured) {
          throw new Refusal('bad-credentials', 'this listener requires TLS: connect with sslmode=require or better')
        }
        return start(host, packet.version, packet.parameters)
      default:
        packet satisfies never
    }
  }
}

/** Answered with SQLSTATE 0A000. */
export class UnsupportedProtocol extends Error {
  override readonly name = 'UnsupportedProtocol'
  readonly code = '0A000'
}

const start = (host: SessionHost, requested: number, given: ReadonlyMap<string, string>): Greeting => {
  const parameters = new Map(given)
  const unknown = [...given.keys()].filter((name) => name.startsWith('_pq_.'))
  for (const name of unknown) parameters.delete(name)
  const version = Math.min(requested, startup.version32)
  if (requested > startup.version32 || unknown.length > 0) host.send('client', negotiateProtocolVersion(version, unknown))
  const replication = parameters.get('replication')
  if (replication !== undefined && !/^(?:false|off|no|0)$/i.test(replication)) {
    throw new UnsupportedProtocol('Sallyport does not relay replication connections')
  }
  const user = parameters.get('user') ?? ''
  if (user === '') throw new NoUser('no PostgreSQL user name specified in startup packet')
  const database = parameters.get('database')
  for (const name of ['user', 'database', 'replication']) parameters.delete(name)
  return { kind: 'start', user, database: database === undefined || database === '' || database === user ? undefined : database, version, parameters }
}

/** Answered with SQLSTATE 28000. */
export class NoUser extends Error {
  override readonly name = 'NoUser'
  readonly code = '28000'
}
