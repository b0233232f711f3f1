import { Refusal, type Admission, type Claim, type SessionHost } from '@sallyport/protocol-kit'
import { BodyReader } from './codec/decode.js'
import { authenticationCleartext, authenticationSasl, authenticationSaslContinue } from './codec/encode.js'
import type { Inbox } from './codec/inbox.js'
import { MalformedFrame } from './codec/malformed.js'
import { frontend } from './codec/types.js'
import { limits } from './limits.js'

const oauthSuffix = '+oauth'
const mechanism = 'OAUTHBEARER'

/** What the user name says: the connection, and how the client wants to show its secret (the server must choose the method first). */
export const readUser = (user: string): { readonly connection: string; readonly oauth: boolean } =>
  user.endsWith(oauthSuffix) ? { connection: user.slice(0, -oauthSuffix.length), oauth: true } : { connection: user, oauth: false }

/** Asks the client for its secret and has the host check it. @throws Refusal, MalformedFrame */
export const authenticate = async (host: SessionHost, inbox: Inbox, user: string, client: Readonly<Record<string, string>>): Promise<Admission> => {
  const { connection, oauth } = readUser(user)
  return oauth ? await bearer(host, inbox, connection, client) : await password(host, inbox, connection, client)
}

const response = async (inbox: Inbox): Promise<BodyReader> => {
  const message = await inbox.message(limits.authenticationBytesMax)
  if (message.type !== frontend.password) throw new MalformedFrame(`expected password response, got message type ${message.type}`)
  return new BodyReader(message.bytes, 5, message.bytes.length)
}

const password = async (host: SessionHost, inbox: Inbox, connection: string, client: Claim['client']): Promise<Admission> => {
  host.send('client', authenticationCleartext)
  const body = await response(inbox)
  const secret = body.cstring().toString('utf8')
  body.finish()
  if (secret === '') throw new Refusal('bad-credentials', 'the password is empty: it must be an access token or a session credential')
  return await host.admit({ connection, secret, method: 'password', client })
}

/** SASL OAUTHBEARER (RFC 7628) as PostgreSQL 18 frames it (documentation, 54.3.3). */
const bearer = async (host: SessionHost, inbox: Inbox, connection: string, client: Claim['client']): Promise<Admission> => {
  host.send('client', authenticationSasl([mechanism]))
  const body = await response(inbox)
  if (body.cstring().toString('latin1') !== mechanism) throw new MalformedFrame('client selected an invalid SASL authentication mechanism')
  const data = body.value()
  body.finish()
  const secret = token(data?.toString('utf8') ?? '')
  if (secret === '') {
    await reject(host, inbox)
    throw new Refusal('bad-credentials', 'no bearer token was given')
  }
  try {
    return await host.admit({ connection, secret, method: 'oauthbearer', client })
  } catch (error) {
    if (error instanceof Refusal && error.code === 'bad-credentials') await reject(host, inbox)
    throw error
  }
}

/** RFC 7628, 3.1: gs2 header, then key=value pairs, each and the whole ended by %x01. Answers the token, empty for a discovery request. @throws MalformedFrame */
const token = (initial: string): string => {
  const match = /^[ny],(?:a=[^,]*)?,\x01((?:[^\x01]+\x01)*)\x01$/.exec(initial)
  if (match === null) throw new MalformedFrame('malformed OAUTHBEARER message')
  const pairs = (match[1] ?? '').split('\x01').filter((pair) => pair !== '')
  const auth = pairs.filter((pair) => pair.startsWith('auth='))
  if (auth.length !== 1) throw new MalformedFrame('malformed OAUTHBEARER message: exactly one auth value is needed')
  const value = (auth[0] ?? '').slice('auth='.length)
  if (value === '') return ''
  const bearerToken = /^bearer +([-._~+/A-Za-z0-9]+=*)$/i.exec(value)?.[1]
  if (bearerToken === undefined) throw new MalformedFrame('malformed OAUTHBEARER message: the token is not a bearer token')
  return bearerToken
}

/** RFC 7628, 3.2.3: the error as JSON, which the client acknowledges with %x01 before the log-in fails. */
const reject = async (host: SessionHost, inbox: Inbox): Promise<void> => {
  host.send('client', authenticationSaslContinue(Buffer.from(JSON.stringify({ status: 'invalid_token' }))))
  await response(inbox)
}
