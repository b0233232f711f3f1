import type { ApprovalEvent } from '@sallyport/contracts/approval'
import type { RpcErrorCode } from '@sallyport/contracts/rpc'

/**
 * What a decider answers. A refusal can still bring events: a verdict that comes too late is refused, and that the approval has
 * expired is recorded all the same.
 */
export type Decision =
  | { readonly kind: 'accepted'; readonly events: readonly ApprovalEvent[] }
  | { readonly kind: 'refused'; readonly events: readonly ApprovalEvent[]; readonly code: RpcErrorCode; readonly message: string }

export const accept = (...events: ApprovalEvent[]): Decision => ({ kind: 'accepted', events })

export const refuse = (code: RpcErrorCode, message: string): Decision => ({ kind: 'refused', events: [], code, message })
