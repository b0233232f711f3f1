import { homedir } from 'node:os'
import path from 'node:path'

export type Environment = Readonly<Record<string, string | undefined>>

/** What the environment says. Empty variables count as unset. */
export interface Config {
  readonly api: string | undefined
  readonly issuer: string | undefined
  readonly token: string | undefined
  readonly clientSecret: string | undefined
  /** Tokens and credentials may cross a network in plain text. */
  readonly insecureHttp: boolean
  /** Where log-ins are kept. */
  readonly stateDir: string
  /** Handed on: programs that are run get it, and `env:` secrets of a configuration are read from it. */
  readonly env: Environment
}

/** The only reader of the environment. */
export const readConfig = (env: Environment): Config => {
  const value = (name: string): string | undefined => (env[name] === '' ? undefined : env[name])
  return {
    api: value('SALLYPORT_API'),
    issuer: value('SALLYPORT_ISSUER'),
    token: value('SALLYPORT_TOKEN'),
    clientSecret: value('SALLYPORT_CLIENT_SECRET'),
    insecureHttp: value('SALLYPORT_INSECURE_HTTP') === '1',
    stateDir: path.join(value('XDG_CONFIG_HOME') ?? path.join(value('HOME') ?? homedir(), '.config'), 'sallyport'),
    env,
  }
}
