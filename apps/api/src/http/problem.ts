import { faultSchema, type Fault } from '@sallyport/contracts/change'
import { RpcError } from '@sallyport/contracts/rpc'
import { z } from 'zod'

/** Stable codes of the API's errors, each with its HTTP status and title. */
const kinds = {
  'malformed': { status: 400, title: 'The request is malformed' },
  'unauthenticated': { status: 401, title: 'An access token is needed' },
  'forbidden': { status: 403, title: 'This is not allowed' },
  'not-found': { status: 404, title: 'There is no such thing' },
  'method-not-allowed': { status: 405, title: 'Not with this method' },
  'conflict': { status: 409, title: 'This conflicts with how things are' },
  'too-large': { status: 413, title: 'The body is too large' },
  'unsupported-media-type': { status: 415, title: 'Not in this media type' },
  'invalid': { status: 422, title: 'The content does not hold' },
  'internal': { status: 500, title: 'This should not have happened' },
  'unavailable': { status: 503, title: 'This can\'t be answered now' },
} as const
export type ProblemCode = keyof typeof kinds

/** RFC 9457; `faults` where the content is wrong, field by field. */
export const problemSchema = z.object({ type: z.string(), title: z.string(), status: z.number().int(), detail: z.string(), code: z.string(), faults: z.array(faultSchema).optional() })
type ProblemBody = z.infer<typeof problemSchema>

/** An error as the client sees it (RFC 9457). Its texts hold no secret, address or stack. */
export class Problem extends Error {
  override readonly name = 'Problem'
  constructor(
    readonly code: ProblemCode,
    detail: string,
    readonly faults: readonly Fault[] | undefined = undefined,
    readonly headers: Readonly<Record<string, string>> = {},
    options?: ErrorOptions,
  ) {
    super(detail, options)
  }

  get status(): number {
    return kinds[this.code].status
  }

  body(): ProblemBody {
    const { status, title } = kinds[this.code]
    return { type: `urn:sallyport:problem:${this.code}`, title, status, detail: this.message, code: this.code, ...(this.faults === undefined ? {} : { faults: [...this.faults] }) }
  }
}

const RETRY = { 'retry-after': '1' }
const LOGGED = 'the request could not be handled; the service\'s log says why'

/** What the client is told of whatever was thrown. */
export const problemOf = (thrown: unknown): Problem => {
  if (thrown instanceof Problem) return thrown
  if (!(thrown instanceof RpcError) || thrown.code === 'internal') return new Problem('internal', LOGGED, undefined, {}, { cause: thrown })
  const faults = thrown.details?.flatMap((detail) => {
    const fault = faultSchema.safeParse(detail)
    return fault.success ? [fault.data] : []
  })
  return new Problem(thrown.code, thrown.message, faults, thrown.code === 'unavailable' ? RETRY : {}, { cause: thrown })
}

/**
 * What doesn't fit a schema, field by field; `where` says of what. Where an object of `value` says in which file and line it was written,
 * so does the fault, and its field is the one within that object.
 */
export const problemFromZod = (code: 'malformed' | 'invalid', where: string, error: z.ZodError, value?: unknown): Problem => {
  const faults = error.issues.map((issue) => faultOf(issue.path, issue.message, value))
  const [first] = faults
  return new Problem(code, `${where}: ${first === undefined ? 'it does not fit' : `${first.field === '' ? '' : `${first.field}: `}${first.message}`}`, faults, {}, { cause: error })
}

const faultOf = (path: readonly PropertyKey[], message: string, value: unknown): Fault => {
  let position: Pick<Fault, 'file' | 'line'> = {}
  let from = 0
  let inner = value
  for (const [index, key] of path.entries()) {
    if (typeof inner !== 'object' || inner === null) break
    inner = (inner as Record<PropertyKey, unknown>)[key]
    const written = writtenSchema.safeParse(inner)
    if (!written.success) continue
    position = written.data
    from = index + 1
  }
  return { ...position, field: path.slice(from).map(String).join('.'), message }
}
const writtenSchema = z.object({ file: z.string(), line: z.number().int().optional() })
