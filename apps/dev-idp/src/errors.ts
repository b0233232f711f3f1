/** The development IdP was asked to listen where others could reach it. */
export class InsecureBindError extends Error {
  override readonly name = 'InsecureBindError'
  readonly code = 'insecure-bind'
}
