import { CliError, exitStatus, type ExitStatus } from '../errors.js'

/** The REST API as the logged-in person or agent. Every failure is a CliError. */
export interface Api {
  get<T>(path: string): Promise<T>
  text(path: string): Promise<string>
  post<T>(path: string, body: object): Promise<T>
}

const REQUEST_TIMEOUT_MS = 30_000

interface Problem {
  readonly title?: string
  readonly detail?: string
  readonly faults?: readonly { readonly file?: string; readonly line?: number; readonly field?: string; readonly message: string }[]
}

const statusOf = (code: number): ExitStatus => {
  if (code === 401 || code === 403) return exitStatus.notAllowed
  if (code === 404) return exitStatus.notFound
  if (code === 422) return exitStatus.configuration
  return code >= 500 ? exitStatus.unavailable : exitStatus.failed
}

const failure = async (response: Response): Promise<CliError> => {
  const problem = (await response.json().catch(() => ({}))) as Problem
  const faults = (problem.faults ?? []).map((fault) => `\n  ${[fault.file, fault.line].filter((part) => part !== undefined).join(':')}${fault.file === undefined ? '' : ': '}${fault.field === undefined ? '' : `${fault.field}: `}${fault.message}`)
  const hint = response.status === 401 ? '\nLog in again: sallyport login' : ''
  return new CliError(statusOf(response.status), `${problem.detail ?? problem.title ?? `the API answered ${response.status}`}${faults.join('')}${hint}`, problem)
}

export const createApi = (url: string, token: string): Api => {
  const ask = async (method: string, path: string, accept: string, body?: object): Promise<Response> => {
    let response: Response
    try {
      response = await fetch(`${url}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, accept, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      })
    } catch (cause) {
      throw new CliError(exitStatus.unavailable, `can't reach Sallyport at ${url}: is it running, and is SALLYPORT_API right?`, {}, { cause })
    }
    if (!response.ok) throw await failure(response)
    return response
  }
  return {
    get: async <T>(path: string) => (await ask('GET', path, 'application/json')).json() as Promise<T>,
    text: async (path) => (await ask('GET', path, 'text/plain')).text(),
    post: async <T>(path: string, body: object) => (await ask('POST', path, 'application/json', body)).json() as Promise<T>,
  }
}
