export type IdentityErrorCode = 'expired' | 'wrong-audience' | 'unknown-issuer' | 'bad-signature' | 'malformed' | 'unavailable'

/** Why a token was not accepted. Never holds the token. */
export class IdentityError extends Error {
  override readonly name = 'IdentityError'
  constructor(
    readonly code: IdentityErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}
