import type { SessionHost } from '@sallyport/protocol-kit'
import { authenticate } from '../authenticate.js'
import { authenticationOk, backendKeyData, parameterStatus, readyForQuery } from '../codec/encode.js'
import type { Inbox } from '../codec/inbox.js'
import { startup } from '../codec/types.js'
import { limits } from '../limits.js'
import { connectUpstream } from '../upstream/index.js'
import { Conversation } from './conversation.js'
import { greet } from './greet.js'
import { maskedNotices, maskingRefusals } from './log-in-texts.js'
import { applyStartupSettings, splitParameters } from './startup-settings.js'

export interface Opened {
  readonly conversation: Conversation
  /** Process id and secret of the target's session; undefined when it gave none. */
  readonly targetKey: Buffer | undefined
  /** The session with the target is encrypted. */
  readonly targetTls: boolean
}

/** From the first byte to the first ReadyForQuery. Undefined: the connection only carried a cancel request. @throws Refusal, MalformedFrame, TargetRefused */
export const openSession = async (host: SessionHost, clientInbox: Inbox, targetInbox: Inbox): Promise<Opened | undefined> => {
  const greeting = await greet(host, clientInbox)
  if (greeting.kind === 'cancel') {
    await host.requestCancel(greeting.key)
    return undefined
  }
  const { user, parameters, version } = greeting
  const settings = splitParameters(parameters)
  const client = { user, ...(parameters.has('application_name') ? { application: parameters.get('application_name') ?? '' } : {}), protocol: `${version >>> 16}.${version & 0xffff}` }
  const admission = await authenticate(host, clientInbox, user, client)
  const access = await host.dial(admission, greeting.database)
  const io = {
    send: (bytes: Uint8Array) => host.send('target', bytes),
    secure: () => host.secure('target'),
    redial: () => host.dial(admission, greeting.database),
    random: (bytes: number) => host.random(bytes),
  }
  const upstream = await maskingRefusals(host, () => connectUpstream(io, targetInbox, access, settings.passed))
  const database = access.database ?? access.username
  await host.opened({ database, targetTls: upstream.tls, client })
  const key = Buffer.from(host.cancelKey(version >= startup.version32 ? 4 + limits.cancelSecretBytes : 8))
  const conversation = new Conversation(host, {
    database, username: access.username, targetProcess: upstream.key === undefined || upstream.key.length < 4 ? 0 : upstream.key.readInt32BE(0), ownProcess: key.readInt32BE(0),
  })
  for (const [name, value] of upstream.parameters) conversation.settings.report(name, value)
  await applyStartupSettings(conversation, targetInbox, settings.judged)
  host.send('client', Buffer.concat([
    authenticationOk,
    ...await maskedNotices(host, upstream.notices, upstream.parameters.get('client_encoding')),
    ...[...conversation.settings.reported].map(([name, value]) => parameterStatus(name, value)),
    backendKeyData(key),
    readyForQuery(upstream.status),
  ]))
  return { conversation, targetKey: upstream.key, targetTls: upstream.tls }
}
