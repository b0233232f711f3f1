/** An embedded server could not be started or used. `code` is stable; the message says what to do. */
export class EmbeddedServerError extends Error {
  override readonly name = 'EmbeddedServerError'
  constructor(
    readonly code: 'missing-program' | 'in-use' | 'unreachable-directory' | 'not-started' | 'no-unprivileged-user',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}
