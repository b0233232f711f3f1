/** Exit statuses, as docs/guides/cli.md lists them. */
export const exitStatus = { failed: 1, usage: 2, notAllowed: 3, notFound: 4, configuration: 5, unavailable: 6, noProgram: 127 } as const
export type ExitStatus = (typeof exitStatus)[keyof typeof exitStatus]

/** A command can't be done: the message says what, why, and what to do. */
export class CliError extends Error {
  override readonly name = 'CliError'
  constructor(
    readonly status: ExitStatus,
    message: string,
    /** Shown with `--json`. */
    readonly details: object = {},
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}
