import type { Config } from './config.js'
import { CliError, exitStatus } from './errors.js'
import { progress } from './output/progress.js'
import { createApi, type Api } from './session/api.js'
import { endpoint } from './session/endpoint.js'
import { readSessionFile } from './session/session-file.js'

const DEFAULT_API = 'http://127.0.0.1:7300'
const DEFAULT_ISSUER = 'http://127.0.0.1:7301'

export interface Terminal {
  out(text: string): void
  err(text: string): void
  /** Whether a person watches standard error. */
  readonly watched: boolean
}

/** What commands work with. */
export interface Context {
  readonly config: Config
  readonly terminal: Terminal
  /** URL of the API: the one asked for, the environment's, the last log-in's, the default. Throws CliError. */
  apiUrl(asked?: string): string
  issuerUrl(asked?: string): string
  /** As whoever is logged in. Throws CliError when nobody is, and says how to. */
  api(): Api
  /** Waits; on a terminal it says for what, once that takes more than a second. */
  waiting<T>(what: string, work: Promise<T>): Promise<T>
}

export const createContext = (config: Config, terminal: Terminal): Context => {
  const login = () => readSessionFile(config.stateDir)
  const apiUrl = (asked?: string): string => endpoint('SALLYPORT_API', asked ?? config.api ?? login()?.current ?? DEFAULT_API, config.insecureHttp)
  const token = (url: string): string => {
    if (config.token !== undefined) return config.token
    const known = login()?.logins[url]
    if (known === undefined) throw new CliError(exitStatus.notAllowed, `nobody is logged in to ${url}: run "sallyport login" (an agent: "sallyport login --client-id NAME"), or set SALLYPORT_TOKEN`)
    if (Date.parse(known.expiresAt) <= Date.now()) throw new CliError(exitStatus.notAllowed, `the log-in to ${url} ended at ${known.expiresAt}: run "sallyport login" again`)
    return known.accessToken
  }
  return {
    config,
    terminal,
    apiUrl,
    issuerUrl: (asked) => endpoint('SALLYPORT_ISSUER', asked ?? config.issuer ?? login()?.logins[apiUrl()]?.issuer ?? DEFAULT_ISSUER, config.insecureHttp),
    api: () => {
      const url = apiUrl()
      return createApi(url, token(url))
    },
    waiting: (what, work) => progress(what, work, terminal.watched ? terminal.err : undefined),
  }
}
