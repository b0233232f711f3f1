import type { Duplex } from 'node:stream'
import { Refusal, type SessionHost, type TargetAccess } from '@sallyport/protocol-kit'
import ssh2, { type AnyAuthMethod, type Client } from 'ssh2'
import { limits } from '../limits.js'
import type { SshOptions } from '../options.js'
import { algorithms } from '../transport/algorithms.js'
import { authenticateBy, keepKeys } from '../transport/raw.js'
import { CERTIFICATE_TYPE, issueCertificate } from './certificate.js'
import { checkHostKey } from './host-key.js'

type Handler = (left: readonly string[] | null, partial: boolean | null, next: unknown) => AnyAuthMethod | false | undefined

/** Tries each method once, in this order. */
const inTurn = (methods: readonly AnyAuthMethod[]): Handler => {
  const rest = [...methods]
  return () => rest.shift() ?? false
}

/** How the gateway shows the target who it is. `name` is for the target's log. Throws when the credential can't be used. */
const handlerFor = (client: Client, { username, credential }: TargetAccess, name: string, options: SshOptions): Handler => {
  if (credential === undefined) return inTurn([{ type: 'none', username }])
  switch (credential.kind) {
    case 'password':
      return inTurn([
        { type: 'password', username, password: credential.secret },
        // A password goes where one thing is asked for without echo, and nowhere else.
        { type: 'keyboard-interactive', username, prompt: (_name, _instructions, _language, prompts, finish) => finish(prompts.map(({ echo }) => (echo === true || prompts.length !== 1 ? '' : credential.secret))) },
      ])
    case 'private-key':
      return inTurn([{ type: 'publickey', username, key: credential.secret }])
    case 'certificate-authority': {
      const { blob, sign } = issueCertificate({ authority: credential.secret, principal: username, keyId: name, forwards: options.forwards, nowS: Math.floor(Date.now() / 1000) })
      // The library knows no certificates: it asks for nothing first, then we ask ourselves, and it hears the answer.
      const steps: (() => AnyAuthMethod | undefined)[] = [() => ({ type: 'none', username }), () => {
        authenticateBy(client, username, CERTIFICATE_TYPE, blob, sign)
        return undefined
      }]
      return () => {
        const step = steps.shift()
        return step === undefined ? false : step()
      }
    }
    default:
      return credential.kind satisfies never
  }
}

/** Logs in to the target over a stream; `name` says in its log who is behind it. Rejects with a Refusal that says what failed; the secret is in none of it. */
export const logIn = (host: SessionHost, stream: Duplex, access: TargetAccess, name: string, options: SshOptions): Promise<Client> => new Promise((resolve, reject) => {
  const client = new ssh2.Client()
  let keyRefusal: Refusal | undefined
  const failed = (why: string, cause?: unknown): void => reject(keyRefusal ?? new Refusal('target-failed', why, { remedy: 'Ask whoever manages the connection to look at its target and credentials.' }, { cause }))
  client.once('ready', () => resolve(client))
  client.on('handshake', () => keepKeys(client))
  client.on('error', (error: Error & { readonly level?: string }) => {
    failed(error.level === 'client-authentication' ? 'the target did not accept the gateway\'s credentials' : 'the SSH hand-shake with the target failed', error)
  })
  client.once('close', () => failed('the target closed the connection during log-in'))
  try {
    client.connect({
      sock: stream, username: access.username, ident: 'Sallyport', algorithms, readyTimeout: 0, strictVendor: false, keepaliveInterval: limits.keepAliveMs, keepaliveCountMax: limits.keepAlivesMax,
      authHandler: handlerFor(client, access, name, options),
      hostVerifier: (blob: Buffer, verify: (valid: boolean) => void) => {
        checkHostKey(host, options, blob).then(() => verify(true), (refusal: unknown) => {
          keyRefusal = refusal as Refusal
          verify(false)
        })
      },
    } as Parameters<Client['connect']>[0])
  } catch (error) {
    failed('the connection\'s credential can\'t be used', error)
  }
})
