import { exportJWK, GeneralEncrypt, generalDecrypt, generateKeyPair, importJWK, calculateJwkThumbprint, type GeneralJWE, type JWK } from 'jose'

const KEY_ALGORITHM = 'ECDH-ES+A256KW'
const CONTENT_ALGORITHM = 'A256GCM'
const SEALED_BYTES_MAX = 16 * 1024

/** A sealed value can't be made or opened. Its message never holds the value. */
export class SealingError extends Error {
  override readonly name = 'SealingError'
  readonly code = 'sealing'
}

/** A new key pair for a pool of proxies (P-256, RFC 7517), `kid` its thumbprint (RFC 7638). The private half stays with the proxies. */
export const generateSealingKey = async (): Promise<{ publicKey: JWK; privateKey: JWK }> => {
  const pair = await generateKeyPair(KEY_ALGORITHM, { crv: 'P-256', extractable: true })
  const publicKey = await exportJWK(pair.publicKey)
  const kid = await calculateJwkThumbprint(publicKey)
  const described = { kid, alg: KEY_ALGORITHM, use: 'enc' }
  return { publicKey: { ...publicKey, ...described }, privateKey: { ...(await exportJWK(pair.privateKey)), ...described } }
}

/**
 * Seals a secret to every recipient (general JWE, RFC 7516 section 7.2.1), as base64url of its JSON. `context` is authenticated: the
 * value opens only under the same one. Throws SealingError when there is no recipient or a key can't be used.
 */
export const seal = async (secret: string, recipients: readonly JWK[], context: string): Promise<string> => {
  if (recipients.length === 0) throw new SealingError('there is no key to seal to')
  try {
    const jwe = new GeneralEncrypt(new TextEncoder().encode(secret))
      .setProtectedHeader({ enc: CONTENT_ALGORITHM })
      .setAdditionalAuthenticatedData(new TextEncoder().encode(context))
    for (const recipient of recipients) {
      jwe.addRecipient(await importJWK(recipient, KEY_ALGORITHM)).setUnprotectedHeader({ alg: KEY_ALGORITHM, ...(recipient.kid === undefined ? {} : { kid: recipient.kid }) })
    }
    const sealed = Buffer.from(JSON.stringify(await jwe.encrypt())).toString('base64url')
    if (sealed.length > SEALED_BYTES_MAX) throw new SealingError('the value is too large, or the keys are too many, to be sealed')
    return sealed
  } catch (cause) {
    throw cause instanceof SealingError ? cause : new SealingError('the value could not be sealed to these keys', { cause })
  }
}

/** Opens a sealed value with whichever of the keys it was sealed to. Throws SealingError when none fits, it was changed, or the context differs. */
export const unseal = async (sealed: string, keys: readonly JWK[], context: string): Promise<string> => {
  if (sealed.length > SEALED_BYTES_MAX) throw new SealingError('the sealed value is too large')
  const jwe = parse(sealed)
  if (jwe.aad === undefined || Buffer.from(jwe.aad, 'base64url').toString('utf8') !== context) throw new SealingError('the value was sealed for another use: it has to be given again')
  for (const key of keys) {
    try {
      const { plaintext } = await generalDecrypt(jwe, await importJWK(key, KEY_ALGORITHM), { keyManagementAlgorithms: [KEY_ALGORITHM], contentEncryptionAlgorithms: [CONTENT_ALGORITHM] })
      return new TextDecoder().decode(plaintext)
    } catch {
      // Sealed to another of the keys, or to none: the next one is tried, and after the last one it is an error.
    }
  }
  throw new SealingError('none of the keys opens the sealed value')
}

const parse = (sealed: string): GeneralJWE => {
  try {
    return JSON.parse(Buffer.from(sealed, 'base64url').toString('utf8')) as GeneralJWE
  } catch (cause) {
    throw new SealingError('this is not a sealed value', { cause })
  }
}
