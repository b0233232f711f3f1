import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK } from 'jose'

export const SIGNING_ALGORITHM = 'ES256'

/** The private key that signs tokens: a new one, or the one kept in the directory. */
export const signingKey = async (dataDir: string | undefined): Promise<JWK> => {
  const file = dataDir === undefined ? undefined : path.join(dataDir, 'dev-idp-key.json')
  if (file !== undefined && existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as JWK
  const { privateKey } = await generateKeyPair(SIGNING_ALGORITHM, { extractable: true })
  const jwk = await exportJWK(privateKey)
  const key: JWK = { ...jwk, kid: await calculateJwkThumbprint(jwk), alg: SIGNING_ALGORITHM, use: 'sig' }
  if (file !== undefined) {
    mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 })
    writeFileSync(file, JSON.stringify(key), { mode: 0o600 })
  }
  return key
}
