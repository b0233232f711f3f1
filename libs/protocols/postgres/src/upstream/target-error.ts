import { Refusal } from '@sallyport/protocol-kit'
import { decodeFields } from '../codec/decode.js'

export interface TargetError {
  readonly code: string
  readonly message: string
  readonly severity: string
  /** The text was written by a function of the database's own (a log-in trigger), and so may be a bare value. */
  readonly raised: boolean
}

/** Reads what a target says in ErrorResponse before the session is open. */
export const targetError = (bytes: Buffer): TargetError => {
  const fields = new Map(decodeFields(bytes, 0, bytes.length).map(([code, text]) => [String.fromCharCode(code), text.toString('utf8')]))
  const code = (fields.get('C') ?? 'XX000').slice(0, 5)
  return { code, raised: fields.has('W') || code === 'P0001' || fields.get('R') === 'exec_stmt_raise', message: fields.get('M') ?? 'the target refused', severity: fields.get('V') ?? fields.get('S') ?? 'FATAL' }
}

/** A refusal that keeps the target's own SQLSTATE for the client. What it says of credentials and addresses (class 28) stays inside. */
export class TargetRefused extends Error {
  override readonly name = 'TargetRefused'
  readonly refusal: Refusal
  constructor(readonly error: TargetError) {
    const credentials = error.code.startsWith('28')
    super(credentials ? 'the target refused the credentials that the gateway holds for it' : error.message)
    this.refusal = new Refusal('target-failed', this.message)
  }
}
