import { createHash, X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import tls from 'node:tls'
import { Refusal, type TlsFacts } from '@sallyport/protocol-kit'

export type TlsMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full'

const settled = (socket: tls.TLSSocket, event: 'secure' | 'secureConnect', failure: (error: Error) => Refusal): Promise<void> =>
  new Promise((resolve, reject) => {
    // For as long as the socket lives: an error event that nobody hears ends the process.
    socket.on('error', () => undefined)
    const onError = (error: Error): void => reject(failure(error))
    const onClose = (): void => reject(failure(new Error('the connection was closed')))
    socket.once('error', onError)
    socket.once('close', onClose)
    socket.once(event, () => {
      socket.off('error', onError)
      socket.off('close', onClose)
      resolve()
    })
  })

/** TLS as a server on an accepted socket. Rejects with a Refusal. */
export const secureAsServer = async (socket: Socket, secureContext: tls.SecureContext): Promise<tls.TLSSocket> => {
  const secured = new tls.TLSSocket(socket, { isServer: true, secureContext, requestCert: false })
  await settled(secured, 'secure', () => new Refusal('malformed', 'the TLS hand-shake failed'))
  return secured
}

/** `tls-server-end-point` (RFC 5929 section 4.1): the certificate's own hash function, with MD5 and SHA-1 replaced by SHA-256. */
const serverEndPoint = (socket: tls.TLSSocket): Uint8Array | undefined => {
  const raw = socket.getPeerX509Certificate()?.raw
  if (raw === undefined) return undefined
  const algorithm = (new X509Certificate(raw) as X509Certificate & { signatureAlgorithm?: string }).signatureAlgorithm?.toLowerCase() ?? ''
  const hash = /sha(?:-)?(224|384|512)/.exec(algorithm)?.[1]
  if (algorithm === '' || algorithm.includes('ed25519') || algorithm.includes('ed448')) return undefined
  return createHash(hash === undefined ? 'sha256' : `sha${hash}`).update(raw).digest()
}

/**
 * TLS as a client towards a target. What is checked follows libpq's sslmode: verify-full the chain and the name, verify-ca the chain,
 * the others nothing, except that a given `ca` makes `require` check the chain, as libpq does. Rejects with a Refusal.
 */
export const secureAsClient = async (socket: Socket, host: string, mode: TlsMode, ca: string | undefined): Promise<{ socket: tls.TLSSocket; facts: TlsFacts }> => {
  const verify = mode === 'verify-full' || mode === 'verify-ca' || (mode === 'require' && ca !== undefined)
  const secured = tls.connect({
    socket,
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    ...(ca === undefined ? {} : { ca }),
    rejectUnauthorized: verify,
    checkServerIdentity: (_, certificate) => (mode === 'verify-full' ? tls.checkServerIdentity(host, certificate) : undefined),
  })
  await settled(secured, 'secureConnect', (error) => new Refusal('target-unreachable', 'TLS to the target could not be set up', { remedy: `Check the connection's target.tls and target.ca (${(error as NodeJS.ErrnoException).code ?? 'hand-shake failed'}).` }, { cause: error }))
  return { socket: secured, facts: { serverEndPoint: serverEndPoint(secured) } }
}
