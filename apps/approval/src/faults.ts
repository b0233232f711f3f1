import { RpcError } from '@sallyport/contracts/rpc'

/** Classes of SQLSTATE that say that the database, not the request, is at fault: connection, log-in, conflict, resources, operator, timeout, system. */
const DOWN = /^(?:08|28|3D000|40|53|55000|55P03|57|58|25006)/
const NETWORK = /^(?:ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|ENOTFOUND|EAI_)/

/** A failing database is `unavailable`: nothing was decided, so the caller must not go on. Everything else stays what it is. */
export const asCallerSees = (error: unknown): unknown => {
  if (error instanceof RpcError || !(error instanceof Error)) return error
  const code = (error as { code?: unknown }).code
  const down = typeof code === 'string' ? DOWN.test(code) || NETWORK.test(code) : /connection|timeout|terminat/i.test(error.message)
  return down ? new RpcError('unavailable', 'The approval service can\'t use its database now; nothing was decided.', undefined, { cause: error }) : error
}
