import { isDeepStrictEqual } from 'node:util'
import { sealingContext, type ConnectionSpec } from '@sallyport/contracts/directory'
import { z } from 'zod'
import type { Content } from './document.js'

const base64url = z.string().regex(/^[A-Za-z0-9_-]+$/)
/** General JWE (RFC 7516 section 7.2.1) as the sealing library writes it. */
const jweSchema = z.object({ protected: base64url, aad: base64url, iv: base64url, ciphertext: base64url, tag: base64url, recipients: z.array(z.looseObject({ encrypted_key: base64url })).min(1) })

/** Why a credential can't be taken, or undefined. It can't be opened here; what it is bound to is readable. */
export const sealingFault = (connection: string, spec: ConnectionSpec): string | undefined => {
  const { sealed } = spec.credentials
  if (sealed === undefined) return undefined
  const jwe = readJwe(sealed)
  if (jwe === undefined) return 'the credential is not sealed: seal it to the keys of GET /v1/sealing-keys; a plain secret is never accepted here'
  if (jwe.aad === sealingContext(connection, spec.target, spec.credentials)) return undefined
  return 'the credential was sealed for another connection, host, port, TLS mode, user or kind: it has to be given again'
}

const readJwe = (sealed: string): { readonly aad: string } | undefined => {
  try {
    const parsed = jweSchema.safeParse(JSON.parse(Buffer.from(sealed, 'base64url').toString('utf8')))
    return parsed.success ? { aad: Buffer.from(parsed.data.aad, 'base64url').toString('utf8') } : undefined
  } catch {
    return undefined
  }
}

/**
 * The connection with the credential that it has already, where that still fits: when none is given, and, unless it is to be resealed,
 * when nothing else differs (sealing the same secret twice gives two ciphertexts, so by itself that is no change).
 */
export const keepSealed = (content: Content, existing: Content | undefined, { reseal }: { readonly reseal: boolean }): Content => {
  if (content.kind !== 'connection' || existing?.kind !== 'connection') return content
  const kept = existing.spec.credentials.sealed
  if (kept === undefined) return content
  const withKept: Content = { ...content, spec: { ...content.spec, credentials: { ...content.spec.credentials, sealed: kept } } }
  if (content.spec.credentials.sealed === undefined) return sealingFault(content.object, withKept.spec) === undefined ? withKept : content
  return !reseal && isDeepStrictEqual(plain(withKept), plain(existing)) ? withKept : content
}

const plain = (content: Content): unknown => JSON.parse(JSON.stringify(content))
