/** Stable reasons for which something is refused; each protocol has a wire form for each (`errors.ts`). */
export type RefusalCode =
  | 'bad-credentials' // wrong or expired secret
  | 'unknown-connection'
  | 'denied' // policy says no
  | 'parked' // refused now, runs on retry after approval
  | 'hold-denied' // an approver said no
  | 'hold-expired' // nobody decided in time, or the approval was withdrawn
  | 'unavailable' // can't decide or record now
  | 'unrecognised'
  | 'limit' // a size, time or budget limit
  | 'malformed' // the peer broke the protocol
  | 'target-unreachable'
  | 'target-failed' // the target refused the gateway or broke the protocol
  | 'killed'
  | 'shutting-down'

/**
 * A refusal: what, why, and what can be done. Its texts are shown to clients: never a secret, an internal address or a stack.
 * Ports of the session's host throw it; protocols turn it into their own error form.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  constructor(
    readonly code: RefusalCode,
    message: string,
    readonly info: {
      /** What the client can do, one sentence. */
      readonly remedy?: string
      readonly command?: string
      readonly approval?: string
      readonly policies?: readonly string[]
    } = {},
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** The one text for people and language models (interfaces.md, 6): `Sallyport denied this command: why. [policy x, command y]`. */
export const refusalText = (refusal: Refusal): string => {
  const ids = [
    ...(refusal.info.policies ?? []).map((policy) => `policy ${policy}`),
    ...(refusal.info.command === undefined ? [] : [`command ${refusal.info.command}`]),
    ...(refusal.info.approval === undefined ? [] : [`approval ${refusal.info.approval}`]),
  ]
  const tail = ids.length > 0 ? ` [${ids.join(', ')}]` : ''
  switch (refusal.code) {
    case 'denied':
    case 'unrecognised':
      return `Sallyport denied this command: ${refusal.message}${tail}`
    case 'parked':
      return `Sallyport parked this command until it is approved: ${refusal.message}${tail}`
    case 'hold-denied':
      return `Sallyport denied this command: an approver refused it: ${refusal.message}${tail}`
    default:
      return `Sallyport: ${refusal.message}${tail}`
  }
}
