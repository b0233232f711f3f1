/** A peer's bytes are not PostgreSQL protocol. The message is shown to the client. */
export class MalformedFrame extends Error {
  override readonly name = 'MalformedFrame'
  readonly code = '08P01'
}
