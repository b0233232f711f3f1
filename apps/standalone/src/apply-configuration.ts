import { spawn } from 'node:child_process'
import { principals, secretOf } from '@sallyport/dev-idp'
import type { Environment } from './config.js'
import type { Endpoints } from './ready.js'
import { mainOf } from './run-services.js'

export interface ApplyOptions {
  readonly dir: string
  readonly endpoints: Pick<Endpoints, 'api' | 'issuer'>
  readonly environment: Environment
  readonly signal: AbortSignal
}

const ADMIN = 'ada'
const APPLY_TIMEOUT_MS = 60_000

/** Applies a configuration directory as `./sallyport apply -f DIR` does, as the development administrator. Throws when it is refused. */
export const applyConfiguration = async ({ dir, endpoints, environment, signal }: ApplyOptions): Promise<void> => {
  const token = await adminToken(endpoints.issuer)
  const status = await new Promise<number>((resolve, reject) => {
    const child = spawn(process.execPath, [mainOf('cli'), 'apply', '-f', dir], {
      env: { ...environment, SALLYPORT_API: endpoints.api, SALLYPORT_ISSUER: endpoints.issuer, SALLYPORT_TOKEN: token },
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: APPLY_TIMEOUT_MS,
      signal,
    })
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })
  if (status !== 0) throw new Error(`the configuration in ${dir} was not applied`)
}

const adminToken = async (issuer: string): Promise<string> => {
  const admin = principals.find(({ name }) => name === ADMIN)!
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'client_credentials', client_id: admin.name, client_secret: secretOf(admin) }),
    signal: AbortSignal.timeout(APPLY_TIMEOUT_MS),
  })
  const { access_token: token } = await response.json() as { access_token?: string }
  if (token === undefined) throw new Error(`the development issuer gave no token: status ${response.status}`)
  return token
}
