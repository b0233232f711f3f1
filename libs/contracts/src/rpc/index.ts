import { z } from 'zod'

/**
 * Stable codes of a refused request between services. The HTTP status or wire form is chosen at the edge.
 * `unavailable` means: the owner could not be asked or could not answer in time, so nothing was decided.
 */
export const rpcErrorCodes = ['invalid', 'not-found', 'conflict', 'forbidden', 'unavailable', 'internal'] as const
export type RpcErrorCode = (typeof rpcErrorCodes)[number]

export const rpcErrorSchema = z.object({
  code: z.enum(rpcErrorCodes),
  message: z.string(),
  /** Where the fault is: for configuration `{file, line, field}`; never a secret. */
  details: z.array(z.record(z.string(), z.unknown())).optional(),
})

/** A refused request. Thrown by a server's handler to refuse, and by a caller's `call`. */
export class RpcError extends Error {
  override readonly name = 'RpcError'
  constructor(
    readonly code: RpcErrorCode,
    message: string,
    readonly details?: Record<string, unknown>[],
    options?: ErrorOptions,
  ) {
    super(message, options)
  }
}

/** One request/reply contract: a NATS subject, and what goes in and comes out. */
export interface Rpc<Req extends z.ZodType = z.ZodType, Res extends z.ZodType = z.ZodType> {
  readonly subject: string
  readonly request: Req
  readonly response: Res
}

/** Declares a contract; subjects are `sallyport.rpc.<service>.<verb>`. */
export const rpc = <Req extends z.ZodType, Res extends z.ZodType>(subject: string, request: Req, response: Res): Rpc<Req, Res> => ({
  subject,
  request,
  response,
})

/** The same contract addressed to one instance: `<subject>.<instance>`. */
export const at = <R extends Rpc>(contract: R, instance: string): R => ({ ...contract, subject: `${contract.subject}.${instance}` })

export const empty = z.object({})
export const page = { limit: z.number().int().min(1).max(1000).optional(), cursor: z.string().optional() }
export const listOf = <T extends z.ZodType>(item: T) => z.object({ items: z.array(item), next: z.string().nullable() })
