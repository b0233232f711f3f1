/** Asks the REST API as one of the development principals. */
export interface RestClient {
  get(path: string): Promise<unknown>
  text(path: string): Promise<string>
  post(path: string, body: object): Promise<unknown>
  readonly token: string
}

const REQUEST_TIMEOUT_MS = 15_000

const answerOf = async (response: Response, what: string): Promise<Response> => {
  if (response.ok) return response
  throw new Error(`${what}: ${response.status} ${await response.text()}`)
}

/** An access token of the development identity provider, by client credentials: the secret is the name and `-secret`. */
export const tokenFor = async (issuer: string, name: string): Promise<string> => {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${name}:${name}-secret`).toString('base64')}`, 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  })
  const { access_token: token } = (await (await answerOf(response, `a token for ${name}`)).json()) as { access_token: string }
  return token
}

export const restClient = (api: string, token: string): RestClient => {
  const ask = async (method: string, path: string, body?: object): Promise<Response> => answerOf(await fetch(`${api}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  }), `${method} ${path}`)
  return {
    token,
    get: async (path) => (await ask('GET', path)).json(),
    text: async (path) => (await ask('GET', path)).text(),
    post: async (path, body) => (await ask('POST', path, body)).json(),
  }
}
