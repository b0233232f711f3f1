import { Refusal, type TargetAccess, type TlsFacts } from '@sallyport/protocol-kit'
import { BodyReader } from '../codec/decode.js'
import { password, saslInitialResponse, saslResponse, sslRequest, startupMessage } from '../codec/encode.js'
import type { Inbox, InboundMessage } from '../codec/inbox.js'
import { MalformedFrame } from '../codec/malformed.js'
import { backend, status } from '../codec/types.js'
import { limits } from '../limits.js'
import { md5Response, scramClient, type ScramBinding, type ScramClient } from './scram.js'
import { targetError, TargetRefused } from './target-error.js'

/** What the hand-shake needs of the world. */
export interface UpstreamIo {
  send(bytes: Uint8Array): void
  secure(): Promise<TlsFacts>
  /** Replaces the socket by a new connection to the same target. */
  redial(): Promise<TargetAccess>
  random(bytes: number): Uint8Array
}

export interface UpstreamFacts {
  /** ParameterStatus messages by name, in the order they came. */
  readonly parameters: ReadonlyMap<string, string>
  /** Body of BackendKeyData (process id and secret); undefined when the target has none. */
  readonly key: Buffer | undefined
  /** Notices of the log-in, verbatim. */
  readonly notices: readonly Buffer[]
  readonly tls: boolean
  /** Transaction status of the first ReadyForQuery. */
  readonly status: number
}

const failed = (why: string): Refusal => new Refusal('target-failed', why)

type Attempt = 'plain' | 'tls' | 'tls-if-offered'

/** Attempts in order by libpq's sslmode (documentation, 34.19.1). */
const attempts: Readonly<Record<TargetAccess['tls'], readonly Attempt[]>> = {
  disable: ['plain'],
  allow: ['plain', 'tls'],
  prefer: ['tls-if-offered', 'plain'],
  require: ['tls'],
  'verify-ca': ['tls'],
  'verify-full': ['tls'],
}

/**
 * Logs in at the target. The password goes out only as far as the configured TLS mode has been reached.
 * @throws Refusal `target-failed`, or TargetRefused with the target's own error.
 */
export const connectUpstream = async (io: UpstreamIo, inbox: Inbox, access: TargetAccess, parameters: Iterable<readonly [string, string]>): Promise<UpstreamFacts> => {
  const list = [...parameters]
  const modes = attempts[access.tls]
  for (const [index, mode] of modes.entries()) {
    if (index > 0) {
      inbox.reset()
      await io.redial()
    }
    const again = index < modes.length - 1
    try {
      return await attempt(io, inbox, access, list, mode)
    } catch (error) {
      if (!again || !mayRetry(error, mode)) throw error instanceof MalformedFrame ? failed('the target sent a malformed message during log-in') : error
    }
  }
  throw failed('the target could not be reached in the configured TLS mode')
}

/** libpq's rule for `allow` and `prefer`: a refused log-in or a failed TLS hand-shake may go better the other way; nothing else may. */
const mayRetry = (error: unknown, mode: Attempt): boolean =>
  error instanceof TlsFailed || (error instanceof TargetRefused && error.error.code.startsWith('28') && mode !== 'tls') || (error instanceof TlsRefused && mode === 'tls-if-offered')

class TlsFailed extends Error {
  override readonly name = 'TlsFailed'
}
class TlsRefused extends Error {
  override readonly name = 'TlsRefused'
}

const attempt = async (io: UpstreamIo, inbox: Inbox, access: TargetAccess, parameters: readonly (readonly [string, string])[], mode: Attempt): Promise<UpstreamFacts> => {
  const tls = mode === 'plain' ? undefined : await startTls(io, inbox, mode, access.tls === 'prefer')
  io.send(startupMessage([['user', access.username], ...(access.database === undefined ? [] : [['database', access.database] as const]), ...parameters]))
  await authenticate(io, inbox, access, tls)
  return await settle(inbox, tls !== undefined)
}

const startTls = async (io: UpstreamIo, inbox: Inbox, mode: Attempt, mayFail: boolean): Promise<TlsFacts | undefined> => {
  io.send(sslRequest)
  const answer = (await inbox.take(1)).toString('latin1')
  if (answer === 'S') {
    if (!inbox.empty) throw failed('the target sent bytes before the TLS hand-shake')
    try {
      return await io.secure()
    } catch (error) {
      if (mayFail) throw new TlsFailed('TLS hand-shake with the target failed', { cause: error })
      throw error
    }
  }
  if (answer === 'N' && mode === 'tls-if-offered') return undefined
  if (answer === 'E' && mode === 'tls-if-offered') throw new TlsRefused('the target does not understand SSLRequest')
  throw failed(answer === 'N' ? 'the target does not offer TLS, and this connection requires it' : 'the target answered SSLRequest with something else')
}

const authenticate = async (io: UpstreamIo, inbox: Inbox, access: TargetAccess, tls: TlsFacts | undefined): Promise<void> => {
  const login = new Login(io, access, tls)
  for (let count = 0; ; count++) {
    if (count > limits.handshakeMessagesMax) throw failed('the target sent too many messages during log-in')
    const message = await inbox.message(limits.handshakeMessageBytesMax)
    switch (message.type) {
      case backend.authentication:
        if (await login.answer(message)) return
        break
      case backend.negotiateProtocolVersion:
      case backend.notice:
        break
      case backend.error:
        throw new TargetRefused(targetError(message.bytes))
      default:
        throw failed('the target broke the protocol during log-in')
    }
  }
}

class Login {
  private scram: ScramClient | undefined
  private verified = true

  constructor(private readonly io: UpstreamIo, private readonly access: TargetAccess, private readonly tls: TlsFacts | undefined) {}

  private get secret(): string {
    if (this.access.credential === undefined) throw failed('the target asks for a password, and the connection has none')
    return this.access.credential.secret
  }

  /** True when the target is satisfied. */
  async answer(message: InboundMessage): Promise<boolean> {
    const body = new BodyReader(message.bytes, 5, message.bytes.length)
    const kind = body.int32()
    switch (kind) {
      case 0:
        if (!this.verified) throw failed('the target skipped the end of SCRAM')
        return true
      case 3:
        this.io.send(password(this.secret))
        return false
      case 5:
        this.io.send(password(md5Response(this.access.username, this.secret, body.bytes(4))))
        return false
      case 10:
        this.begin(mechanisms(body))
        return false
      case 11:
        if (this.scram === undefined) throw failed('the target broke the protocol during log-in')
        this.io.send(saslResponse(await this.scram.final(body.bytes(body.end - body.at))))
        return false
      case 12:
        if (this.scram === undefined) throw failed('the target broke the protocol during log-in')
        this.scram.verify(body.bytes(body.end - body.at))
        this.verified = true
        return false
      default:
        throw failed('the target asks for an authentication method that the gateway does not have')
    }
  }

  private begin(offered: readonly string[]): void {
    const endPoint = this.tls?.serverEndPoint
    const plus = endPoint !== undefined && offered.includes('SCRAM-SHA-256-PLUS')
    if (this.scram !== undefined || (!plus && !offered.includes('SCRAM-SHA-256'))) throw failed('the target offers no SASL mechanism that the gateway has')
    const binding: ScramBinding = plus ? { flag: 'p', data: endPoint } : { flag: endPoint === undefined ? 'n' : 'y', data: new Uint8Array(0) }
    this.scram = scramClient(this.secret, binding, this.io.random(18))
    this.verified = false
    this.io.send(saslInitialResponse(plus ? 'SCRAM-SHA-256-PLUS' : 'SCRAM-SHA-256', this.scram.first))
  }
}

const mechanisms = (body: BodyReader): readonly string[] => {
  const names: string[] = []
  while (body.at < body.end && body.buffer[body.at] !== 0) names.push(body.cstring().toString('latin1'))
  return names
}

const settle = async (inbox: Inbox, tls: boolean): Promise<UpstreamFacts> => {
  const parameters = new Map<string, string>()
  const notices: Buffer[] = []
  let key: Buffer | undefined
  for (let count = 0; ; count++) {
    if (count > limits.handshakeMessagesMax) throw failed('the target sent too many messages during log-in')
    const { type, bytes } = await inbox.message(limits.handshakeMessageBytesMax)
    const body = new BodyReader(bytes, 5, bytes.length)
    switch (type) {
      case backend.parameterStatus:
        parameters.set(body.cstring().toString('utf8'), body.cstring().toString('utf8'))
        break
      case backend.backendKeyData:
        key = Buffer.from(body.bytes(body.end - body.at))
        break
      case backend.notice:
        notices.push(Buffer.from(bytes))
        break
      case backend.readyForQuery: {
        const now = body.uint8()
        body.finish()
        if (now !== status.idle) throw failed('the target broke the protocol during log-in')
        return { parameters, key, notices, tls, status: now }
      }
      case backend.error:
        throw new TargetRefused(targetError(bytes))
      default:
        throw failed('the target broke the protocol during log-in')
    }
  }
}
