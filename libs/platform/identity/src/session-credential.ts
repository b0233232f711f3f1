import { createHash, randomBytes } from 'node:crypto'

const FORM = /^spc_[A-Za-z0-9_-]{43}$/
const SECRET_BYTES = 32

/** Whether a secret has the form of a session credential: `spc_` and 43 characters of base64url, 256 bits. */
export const isSessionCredential = (secret: string): boolean => FORM.test(secret)

/** A new session credential. Its text is shown once and kept nowhere; what is kept is {@link credentialDigest}. */
export const newSessionCredential = (): string => `spc_${randomBytes(SECRET_BYTES).toString('base64url')}`

/** Hex SHA-256 of the credential's text: enough for a secret of 256 random bits. */
export const credentialDigest = (secret: string): string => createHash('sha256').update(secret).digest('hex')

/** The same for a public key that is registered for a connection; `blob` is the key in base64 (RFC 4253 section 6.6). No secret's digest is ever equal to it. */
export const publicKeyDigest = (connection: string, blob: string): string => createHash('sha256').update(`publickey ${connection} ${blob}`).digest('hex')
