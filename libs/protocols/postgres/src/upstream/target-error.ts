import { Refusal } from '@sallyport/protocol-kit'
import { decodeFields } from '../codec/decode.js'

export interface TargetError {
  readonly code: string
  readonly message: string
  readonly severity: string
}

/** Reads what a target says in ErrorResponse before the session is open. */
export const targetError = (bytes: Buffer): TargetError => {
  const fields = new Map(decodeFields(bytes, 0, bytes.length).map(([code, text]) => [String.fromCharCode(code), text.toString('utf8')]))
  return { code: (fields.get('C') ?? 'XX000').slice(0, 5), message: fields.get('M') ?? 'the target refused', severity: fields.get('V') ?? fields.get('S') ?? 'FATAL' }
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
