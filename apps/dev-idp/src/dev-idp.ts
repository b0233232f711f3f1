import { timingSafeEqual } from 'node:crypto'
import http, { type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type Provider from 'oidc-provider'
import { InsecureBindError } from './errors.js'
import { loginPage } from './pages.js'
import { principalNamed, secretOf } from './principals.js'
import { makeProvider } from './provider.js'
import { signingKey } from './signing-key.js'

export interface DevIdpOptions {
  /** 0 for any free port. */
  readonly port: number
  readonly host?: string
  /** URL by which clients know it, when it differs from where it listens. */
  readonly issuer?: string
  /** Further names (`host:port`) by which it may be asked. */
  readonly hosts?: readonly string[]
  /** Keeps the signing key between runs. */
  readonly dataDir?: string
  /** Lets it listen on other addresses than loopback. */
  readonly insecureBind?: boolean
}

export interface DevIdp {
  readonly issuer: string
  readonly port: number
  stop(): Promise<void>
}

const BODY_BYTES_MAX = 16 * 1024
const REQUEST_TIMEOUT_MS = 10_000

const isLoopback = (host: string): boolean => host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host)

/** Starts the development IdP. Throws InsecureBindError for an address that isn't loopback, unless that is asked for explicitly. */
export const startDevIdp = async (options: DevIdpOptions): Promise<DevIdp> => {
  const host = options.host ?? '127.0.0.1'
  if (!isLoopback(host) && options.insecureBind !== true) {
    throw new InsecureBindError(`the development IdP does not listen on ${host}: everybody knows its secrets. It is for loopback only; for a network of containers that nothing else reaches, set SALLYPORT_DEV_IDP_INSECURE_BIND=1`)
  }
  const key = await signingKey(options.dataDir)
  const server = http.createServer({ requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, host, resolve)
  })
  const { port } = server.address() as AddressInfo
  const issuer = options.issuer ?? `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  server.on('request', requestHandler(makeProvider(issuer, key), new Set([new URL(issuer).host, `127.0.0.1:${port}`, `localhost:${port}`, ...(options.hosts ?? [])])))
  return {
    issuer,
    port,
    stop: () => new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    }),
  }
}

const requestHandler = (provider: Provider, hosts: ReadonlySet<string>) => {
  const callback = provider.callback()
  return (request: IncomingMessage, response: ServerResponse): void => {
    // A page in a browser must not reach it under a name of its own choosing (DNS rebinding).
    if (!hosts.has(request.headers.host ?? '')) return void response.writeHead(421).end()
    const url = request.url ?? '/'
    if (url === '/healthz' || url === '/readyz') return void response.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ok"}')
    if (url.startsWith('/interaction/')) return void interaction(provider, request, response).catch(() => response.writeHead(400).end())
    void callback(request, response)
  }
}

const sendPage = (response: ServerResponse, html: string): void =>
  void response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store', 'content-security-policy': 'default-src \'none\'; style-src \'unsafe-inline\'; frame-ancestors \'none\'' }).end(html)

/** Shows the log-in form, and goes on when name and password fit. */
const interaction = async (provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const { uid } = await provider.interactionDetails(request, response)
  const action = `/interaction/${uid}`
  if (request.method !== 'POST') return sendPage(response, loginPage(action))
  const form = new URLSearchParams(await readBody(request))
  const principal = principalNamed(form.get('login') ?? '')
  if (principal === undefined || !sameText(form.get('password') ?? '', secretOf(principal))) return sendPage(response, loginPage(action, 'Name or password is wrong.'))
  await provider.interactionFinished(request, response, { login: { accountId: principal.name } }, { mergeWithLastSubmission: false })
}

const sameText = (given: string, expected: string): boolean => {
  const [left, right] = [Buffer.from(given), Buffer.from(expected)]
  return left.length === right.length && timingSafeEqual(left, right)
}

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > BODY_BYTES_MAX) throw new Error('the form is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
