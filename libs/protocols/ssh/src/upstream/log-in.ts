import type { Duplex } from 'node:stream'
import { Refusal, type SessionHost, type TargetAccess } from '@sallyport/protocol-kit'
import ssh2, { type AnyAuthMethod, type Client } from 'ssh2'
import { limits } from '../limits.js'
import type { SshOptions } from '../options.js'
import { algorithms } from '../transport/algorithms.js'
import { checkHostKey } from './host-key.js'

/** What is tried on the target, in this order. */
const methodsOf = ({ username, credential }: TargetAccess): readonly AnyAuthMethod[] => {
  if (credential === undefined) return [{ type: 'none', username }]
  switch (credential.kind) {
    case 'password':
      return [
        { type: 'password', username, password: credential.secret },
        // A password goes where one thing is asked for without echo, and nowhere else.
        { type: 'keyboard-interactive', username, prompt: (_name, _instructions, _language, prompts, finish) => finish(prompts.map(({ echo }) => (echo === true || prompts.length !== 1 ? '' : credential.secret))) },
      ]
    case 'private-key':
      return [{ type: 'publickey', username, key: credential.secret }]
    case 'certificate-authority':
      throw new Refusal('target-failed', 'certificates are not supported yet')
  }
}

/** Logs in to the target over a stream. Rejects with a Refusal that says what failed; the secret is in none of it. */
export const logIn = (host: SessionHost, stream: Duplex, access: TargetAccess, options: SshOptions): Promise<Client> => new Promise((resolve, reject) => {
  const client = new ssh2.Client()
  let keyRefusal: Refusal | undefined
  const failed = (why: string, cause?: unknown): void => reject(keyRefusal ?? new Refusal('target-failed', why, { remedy: 'Ask whoever manages the connection to look at its target and credentials.' }, { cause }))
  client.once('ready', () => resolve(client))
  client.on('error', (error: Error & { readonly level?: string }) => {
    failed(error.level === 'client-authentication' ? 'the target did not accept the gateway\'s credentials' : 'the SSH hand-shake with the target failed', error)
  })
  client.once('close', () => failed('the target closed the connection during log-in'))
  try {
    client.connect({
      sock: stream, username: access.username, ident: 'Sallyport', algorithms, readyTimeout: 0, keepaliveInterval: limits.keepAliveMs, keepaliveCountMax: limits.keepAlivesMax,
      authHandler: [...methodsOf(access)],
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
