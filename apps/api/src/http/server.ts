import { Inject, Injectable, type OnModuleInit } from '@nestjs/common'
import { HttpAdapterHost } from '@nestjs/core'
import { createVerifier } from '@sallyport/identity'
import type { Database } from '@sallyport/persistence'
import { LOGGER, METRICS } from '@sallyport/runtime'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { Logger } from 'pino'
import type { Registry } from 'prom-client'
import { routes } from '../routes.js'
import type { Services } from '../services.js'
import type { Tables } from '../tables.js'
import { DATABASE, SERVICES } from '../tokens.js'
import { callerOf, refuseUnless } from './authorise.js'
import { BODY_BYTES_MAX, readJson } from './body.js'
import { onceByKey, type Replied } from './idempotency.js'
import { matchRoute, type Match } from './match.js'
import { Problem, problemFromZod, problemOf } from './problem.js'
import { requestMetrics, type RequestMetrics } from './metrics.js'
import type { Answer, Caller, Request, Route } from './route.js'

/** On every answer: nothing of it is cached, sniffed, framed or run. No CORS. */
const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': 'default-src \'none\'; frame-ancestors \'none\'',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}
const nobody: Caller = { principal: { kind: 'user', issuer: '', subject: '', uid: '', groups: [], chain: [] }, roles: new Set(), expiresAt: new Date(0) }

/** Serves the table of routes behind the runtime's own health routes. Whatever is not in the table is not found. */
@Injectable()
export class ApiServer implements OnModuleInit {
  private readonly verifier
  private readonly metrics: RequestMetrics

  constructor(
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(SERVICES) private readonly services: Services,
    @Inject(DATABASE) private readonly database: Database<Tables>,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(METRICS) registry: Registry,
  ) {
    this.metrics = requestMetrics(registry)
    this.verifier = createVerifier({ issuers: () => this.services.directory.view().issuers })
  }

  onModuleInit(): void {
    this.host.httpAdapter.use((request: IncomingMessage, response: ServerResponse) => void this.serve(request, response))
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value)
    const gone = new AbortController()
    const url = urlOf(request)
    const match = matchRoute(routes, request.method ?? '', url?.pathname ?? '')
    const end = this.metrics.began(match.kind === 'route' ? { method: match.route.method, route: match.route.path } : { method: 'other', route: 'none' })
    response.once('close', () => {
      gone.abort()
      end(response.writableFinished ? response.statusCode : 499)
    })
    try {
      if (url === undefined) throw new Problem('malformed', 'The address is malformed.')
      await this.answer(request, response, { url, match, signal: gone.signal })
    } catch (thrown) {
      if (gone.signal.aborted) response.destroy() // nobody is there to be told
      else this.refuse(request, response, thrown)
    }
  }

  private async answer(request: IncomingMessage, response: ServerResponse, { url, match, signal }: Found): Promise<void> {
    if (match.kind === 'not-found') throw new Problem('not-found', 'There is nothing at this address; /v1/openapi.json says what there is.')
    if (match.kind === 'method-not-allowed') throw new Problem('method-not-allowed', `Here ${match.allowed.join(', ')} can be used.`, undefined, { allow: match.allowed.join(', ') })
    const { route, params } = match
    const caller = route.access === 'public' ? nobody : await callerOf(request.headers.authorization, this.verifier, () => this.services.directory.view())
    refuseUnless(route.access, caller)
    const query = parsed(route.query, queryOf(url), 'malformed', 'query')
    const { bytes, value } = route.method === 'GET' ? { bytes: Buffer.alloc(0), value: undefined } : await readJson(request, route.bodyBytesMax ?? BODY_BYTES_MAX)
    const body = parsed(route.body, route.body === undefined ? undefined : value ?? {}, 'invalid', 'body')
    const asked: Request<unknown, unknown> = { params, query, body, caller, signal }
    const handle = async (): Promise<Answer> => route.handle(asked, this.services)
    const run = (): Promise<Answer> => (route.configures === true ? this.services.turns.take(handle) : handle())
    const key = request.headers['idempotency-key']
    if (route.method !== 'POST' || typeof key !== 'string' || (route.repeats ?? 'stored') === 'free') return send(response, route, await run(), signal)
    const replied = await onceByKey(this.database.kysely, { uid: caller.principal.uid, key, method: route.method, path: url.pathname + url.search, bytes }, route.repeats ?? 'stored', async () => repliedOf(route, await run()))
    sendJson(response, replied)
  }

  private refuse(request: IncomingMessage, response: ServerResponse, thrown: unknown): void {
    const problem = problemOf(thrown)
    if (problem.code === 'internal') this.logger.error({ method: request.method, error: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) }, 'a request failed')
    if (response.headersSent) {
      // Half an answer must not look like a whole one.
      response.destroy()
      return
    }
    if (!request.complete) response.setHeader('connection', 'close')
    response.writeHead(problem.status, { 'content-type': 'application/problem+json', ...problem.headers })
    response.end(JSON.stringify(problem.body()))
    request.resume()
  }
}

interface Found { readonly url: URL; readonly match: Match; readonly signal: AbortSignal }

/** Undefined for what is not a path: neither another's address nor `//host`. */
const urlOf = ({ url = '' }: IncomingMessage): URL | undefined => (url.startsWith('/') && !url.startsWith('//') ? URL.parse(url, 'http://api') ?? undefined : undefined)

const queryOf = (url: URL): Record<string, string> => {
  const query: Record<string, string> = {}
  for (const [name, value] of url.searchParams) {
    if (Object.hasOwn(query, name)) throw new Problem('malformed', `query: "${name}" is given twice`)
    query[name] = value
  }
  return query
}

const parsed = (schema: Route['query'], value: unknown, code: 'malformed' | 'invalid', where: string): unknown => {
  if (schema === undefined) return undefined
  const result = schema.safeParse(value)
  if (!result.success) throw problemFromZod(code, where, result.error, value)
  return result.data
}

const repliedOf = (route: Route, answer: Answer): Replied => ({
  status: answer.status ?? route.status ?? (route.reply === undefined ? 204 : 200),
  body: answer.body === undefined ? null : JSON.stringify(answer.body),
})

const sendJson = (response: ServerResponse, { status, body }: Replied): void => {
  if (body === null) return void response.writeHead(status).end()
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(body)
}

const send = async (response: ServerResponse, route: Route, answer: Answer, signal: AbortSignal): Promise<void> => {
  if (answer.text === undefined) return sendJson(response, repliedOf(route, answer))
  const pieces = typeof answer.text === 'string' ? [answer.text] : answer.text
  // The first piece is fetched before the status is sent: what fails at once is still answered as a problem.
  const iterator = Symbol.asyncIterator in pieces ? pieces[Symbol.asyncIterator]() : pieces[Symbol.iterator]()
  let piece = await iterator.next()
  response.writeHead(answer.status ?? 200, { 'content-type': answer.mediaType ?? 'text/plain; charset=utf-8' })
  while (piece.done !== true) {
    if (signal.aborted) return
    if (!response.write(piece.value)) await once(response, 'drain', { signal }).catch(() => undefined) // gone: the next turn ends
    piece = await iterator.next()
  }
  response.end()
}
