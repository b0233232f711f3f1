import { CliError, exitStatus, type ExitStatus } from '../errors.js'

/** The REST API as the logged-in person or agent. Every failure is a CliError. */
export interface Api {
  get<T>(path: string): Promise<T>
  /** The text's pieces as they arrive. */
  stream(path: string): AsyncIterable<string>
  post<T>(path: string, body: object): Promise<T>
  delete(path: string): Promise<void>
}

/** The server waits for nobody longer than this before it says something. */
const SILENCE_MAX_MS = 30_000

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
  const unreachable = (cause: unknown): CliError => new CliError(exitStatus.unavailable, `can't reach Sallyport at ${url}: is it running, and is SALLYPORT_API right?`, {}, { cause })
  const ask = async (method: string, path: string, accept: string, body?: object, signal = AbortSignal.timeout(SILENCE_MAX_MS)): Promise<Response> => {
    const headers = { authorization: `Bearer ${token}`, accept, ...(body === undefined ? {} : { 'content-type': 'application/json' }) }
    const response = await fetch(`${url}${path}`, { method, headers, redirect: 'error', signal, ...(body === undefined ? {} : { body: JSON.stringify(body) }) })
      .catch((cause: unknown) => { throw unreachable(cause) })
    if (!response.ok) throw await failure(response)
    return response
  }
  const json = async <T>(response: Response): Promise<T> => {
    try {
      return await response.json() as T
    } catch (cause) {
      throw new CliError(exitStatus.unavailable, `what answers at ${url} is not Sallyport's API`, {}, { cause })
    }
  }
  const stream = async function* (path: string): AsyncIterable<string> {
    const silence = new AbortController()
    const give = (): void => silence.abort()
    let timer = setTimeout(give, SILENCE_MAX_MS)
    try {
      const response = await ask('GET', path, 'text/plain', undefined, silence.signal)
      for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
        clearTimeout(timer)
        timer = setTimeout(give, SILENCE_MAX_MS)
        yield piece
      }
    } catch (cause) {
      throw cause instanceof CliError ? cause : unreachable(cause)
    } finally {
      clearTimeout(timer)
    }
  }
  return {
    get: async <T>(path: string) => json<T>(await ask('GET', path, 'application/json')),
    stream,
    post: async <T>(path: string, body: object) => json<T>(await ask('POST', path, 'application/json', body)),
    delete: async (path) => void await ask('DELETE', path, 'application/json'),
  }
}
