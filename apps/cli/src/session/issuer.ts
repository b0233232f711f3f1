import { z } from 'zod'
import { CliError, exitStatus } from '../errors.js'
import { visible } from '../output/visible.js'

const REQUEST_TIMEOUT_MS = 15_000
const SLOW_DOWN_MS = 5000
const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code'

const metadataSchema = z.object({
  issuer: z.string(), token_endpoint: z.url(), device_authorization_endpoint: z.url().optional(),
  token_endpoint_auth_methods_supported: z.array(z.string()).default(['client_secret_basic']),
})
export type IssuerMetadata = z.infer<typeof metadataSchema>

const tokenSchema = z.object({ access_token: z.string(), expires_in: z.number().default(300) })
export interface Token {
  readonly accessToken: string
  readonly expiresAt: Date
}

const deviceSchema = z.object({
  device_code: z.string(), user_code: z.string(), verification_uri: z.string(), verification_uri_complete: z.string().optional(), expires_in: z.number(), interval: z.number().default(5),
})
/** What the person is told: to open the URL anywhere and to enter the code (RFC 8628, section 3.3). */
export type DevicePrompt = Readonly<{ url: string; urlWithCode: string | undefined; code: string; expiresInS: number }>

interface Answer { readonly status: number; readonly body: unknown }

const ask = async (issuer: string, url: string, init: RequestInit = {}): Promise<Answer> => {
  try {
    const response = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) })
    return { status: response.status, body: await response.json().catch(() => ({})) }
  } catch (cause) {
    throw new CliError(exitStatus.unavailable, `can't reach the issuer ${issuer}: is it running, and is SALLYPORT_ISSUER right?`, {}, { cause })
  }
}

const parsed = <S extends z.ZodType>(schema: S, { status, body }: Answer, issuer: string): z.output<S> => {
  const result = schema.safeParse(body)
  if (status === 200 && result.success) return result.data
  const { error, error_description: description } = body as { error?: string; error_description?: string }
  if (error !== undefined) throw new CliError(exitStatus.notAllowed, `the issuer ${issuer} refused: ${visible(description ?? error)}`, { error })
  throw new CliError(exitStatus.unavailable, `the issuer ${issuer} answered ${status}, and not what OpenID Connect says`)
}

/** OpenID Connect Discovery 1.0, section 4. Throws CliError, also when the document is another issuer's. */
export const discover = async (issuer: string): Promise<IssuerMetadata> => {
  const metadata = parsed(metadataSchema, await ask(issuer, `${issuer}/.well-known/openid-configuration`), issuer)
  if (metadata.issuer.replace(/\/$/, '') !== issuer) throw new CliError(exitStatus.failed, `${issuer} says that it is ${visible(metadata.issuer)}: use that as the issuer's URL`)
  return metadata
}

const tokenOf = ({ access_token: accessToken, expires_in: expiresInS }: z.output<typeof tokenSchema>): Token => ({ accessToken, expiresAt: new Date(Date.now() + expiresInS * 1000) })

/** For agents and jobs (RFC 6749, section 4.4). */
export const clientCredentials = async (metadata: IssuerMetadata, client: { readonly id: string; readonly secret: string }): Promise<Token> => {
  const inBody = metadata.token_endpoint_auth_methods_supported.includes('client_secret_post')
  const basic = Buffer.from(`${encodeURIComponent(client.id)}:${encodeURIComponent(client.secret)}`).toString('base64')
  const answer = await ask(metadata.issuer, metadata.token_endpoint, {
    method: 'POST',
    headers: inBody ? {} : { authorization: `Basic ${basic}` },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...(inBody ? { client_id: client.id, client_secret: client.secret } : {}) }),
  })
  return tokenOf(parsed(tokenSchema, answer, metadata.issuer))
}

/** For people: asks for a code, has it shown, and waits until it was entered or has expired (RFC 8628). */
export const deviceFlow = async (metadata: IssuerMetadata, clientId: string, show: (prompt: DevicePrompt) => void, sleep: (ms: number) => Promise<void>): Promise<Token> => {
  const { issuer, device_authorization_endpoint: url } = metadata
  if (url === undefined) throw new CliError(exitStatus.failed, `the issuer ${issuer} has no device flow: get an access token in another way and set SALLYPORT_TOKEN`)
  const device = parsed(deviceSchema, await ask(issuer, url, { method: 'POST', body: new URLSearchParams({ client_id: clientId, scope: 'openid profile' }) }), issuer)
  show({ url: device.verification_uri, urlWithCode: device.verification_uri_complete, code: device.user_code, expiresInS: device.expires_in })
  const deadline = performance.now() + device.expires_in * 1000
  let intervalMs = device.interval * 1000
  while (performance.now() < deadline) {
    await sleep(intervalMs)
    const answer = await ask(issuer, metadata.token_endpoint, { method: 'POST', body: new URLSearchParams({ grant_type: DEVICE_CODE, device_code: device.device_code, client_id: clientId }) })
    const { error } = answer.body as { error?: string }
    if (error === 'slow_down') intervalMs += SLOW_DOWN_MS
    else if (error !== 'authorization_pending') return tokenOf(parsed(tokenSchema, answer, issuer))
  }
  throw new CliError(exitStatus.notAllowed, 'nobody entered the code in time: log in again')
}
