import type { Role } from '@sallyport/identity'
import type { z } from 'zod'
import type { Principal } from '@sallyport/contracts/identity'
import type { Services } from '../services.js'

/** Who asks, verified. */
export interface Caller {
  readonly principal: Principal
  readonly roles: ReadonlySet<Role>
  readonly expiresAt: Date
}

/**
 * Who may call a route at all. `public`: without a credential. `anyone`: every verified principal, who then sees his own only.
 * `person`: not agents, nor who acts for another, nor whose token doesn't show a person. Roles: one of them; people only have any.
 */
export type Access = 'public' | 'anyone' | 'person' | readonly Role[]

/** `stored`: a repeated key gets the same answer. `once`: the answer holds a secret, so a repeated key is refused. `free`: changes nothing. */
export type Repeats = 'stored' | 'once' | 'free'

export interface Answer {
  readonly status?: number
  /** JSON, checked against nothing but typed by the route's `reply`. */
  readonly body?: unknown
  readonly text?: AsyncIterable<string> | string
  readonly mediaType?: string
}

export interface Request<Q, B> {
  readonly params: Readonly<Record<string, string>>
  readonly query: Q
  readonly body: B
  readonly caller: Caller
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** `/v1/things/{name}`. */
  readonly path: string
  readonly access: Access
  readonly summary: string
  readonly query?: z.ZodType
  readonly body?: z.ZodType
  /** Status and schema of the answer; absent: 204. */
  readonly reply?: z.ZodType
  readonly status?: number
  readonly mediaTypes?: readonly string[]
  readonly repeats?: Repeats
  /** Changes the configuration: runs in turn with everything else that does. */
  readonly configures?: boolean
  readonly bodyBytesMax?: number
  handle(request: Request<unknown, unknown>, services: Services): Promise<Answer> | Answer
}

type Output<S> = S extends z.ZodType ? z.output<S> : undefined

/** Types the handler by the route's own schemas. */
export const route = <Q extends z.ZodType | undefined = undefined, B extends z.ZodType | undefined = undefined>(
  definition: Omit<Route, 'handle' | 'query' | 'body'> & { readonly query?: Q; readonly body?: B; handle(request: Request<Output<Q>, Output<B>>, services: Services): Promise<Answer> | Answer },
): Route => definition as unknown as Route
