export { IdentityError } from './identity-error.js'
export type { IdentityErrorCode } from './identity-error.js'
export { createVerifier } from './verifier.js'
export type { Verified, Verifier, VerifierOptions } from './verifier.js'
