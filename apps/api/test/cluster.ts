import { randomBytes } from 'node:crypto'
import { service as approval } from '@sallyport/approval'
import { service as auditStore } from '@sallyport/audit-store'
import { servicePermissions } from '@sallyport/contracts/permissions'
import { startDevIdp, type DevIdp } from '@sallyport/dev-idp'
import { natsAuthorization, passwordVariable } from '@sallyport/embedded'
import { service as masking } from '@sallyport/masking'
import type { Bus } from '@sallyport/messaging'
import { service as policyDecision } from '@sallyport/policy-decision'
import { startService, type RunningService } from '@sallyport/runtime'
import { generateSealingKey } from '@sallyport/sealing'
import { freshBus, freshDatabase, startNats, temporaryDir, type EmbeddedNats } from '@sallyport/testing'
import { service as api } from '../src/index.js'

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- tests look into any body
  readonly body: any
}

export interface Asked {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as it is instead of `body`. */
  readonly raw?: string | Uint8Array
}

/** The API with its real siblings, NATS with the permissions that are shipped, PostgreSQL and the development IdP; `bus` plays proxies. */
export interface Cluster {
  readonly url: string
  readonly bus: Bus
  readonly database: string
  readonly idp: DevIdp
  readonly sealing: Awaited<ReturnType<typeof generateSealingKey>>
  token(name: string): Promise<string>
  /** As a development principal; undefined: without a token. */
  ask(as: string | undefined, method: string, path: string, asked?: Asked): Promise<Answer>
  restartApi(): Promise<void>
  service(name: string): RunningService
  stop(): Promise<void>
}

export const startCluster = async (): Promise<Cluster> => {
  const users = [...servicePermissions, { user: 'test', publish: ['>'], subscribe: ['>'], answers: true }]
  const passwords = new Map(users.map(({ user }) => [user, `p${randomBytes(12).toString('hex')}`]))
  const as = (user: string) => ({ SALLYPORT_NATS_USER: user, SALLYPORT_NATS_PASSWORD: passwords.get(user)! })
  const nats: EmbeddedNats = await startNats({
    dataDir: temporaryDir('nats'), ephemeral: true, config: natsAuthorization(users), env: Object.fromEntries([...passwords].map(([user, password]) => [passwordVariable(user), password])),
  })
  const idp = await startDevIdp({ port: 0 })
  const database = await freshDatabase()
  const sealing = await generateSealingKey()
  const bus = await freshBus('test', { url: nats.url, user: 'test', password: passwords.get('test')! })
  const common = { SALLYPORT_NATS_URL: nats.url, SALLYPORT_DATABASE_URL: database, SALLYPORT_LOG_LEVEL: process.env['TEST_LOG_LEVEL'] ?? 'silent', SALLYPORT_AUDIT_POOL_SIZE: '4' }
  const apiEnv = { ...common, ...as('api'), SALLYPORT_DEV_ISSUER: idp.issuer, SALLYPORT_SEALING_KEYS: JSON.stringify({ keys: [sealing.publicKey] }) }
  const running = new Map<string, RunningService>()
  for (const service of [auditStore, policyDecision, masking, approval]) running.set(service.name, await startService(service as never, { ...common, ...as(service.name) }))
  running.set('api', await startService(api, apiEnv))
  const tokens = new Map<string, string>()
  const token = async (name: string): Promise<string> => {
    const known = tokens.get(name)
    if (known !== undefined) return known
    const response = await fetch(`${idp.issuer}/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'client_credentials', client_id: name, client_secret: `${name}-secret` }) })
    const { access_token: made } = (await response.json()) as { access_token: string }
    tokens.set(name, made)
    return made
  }
  return {
    get url() { return running.get('api')!.httpUrl },
    bus, database, idp, sealing, token,
    ask: async (who, method, path, { body, headers = {}, raw } = {}) => {
      const response = await fetch(`${running.get('api')!.httpUrl}${path}`, {
        method,
        headers: { ...(who === undefined ? {} : { authorization: `Bearer ${await token(who)}` }), ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
        ...(raw !== undefined ? { body: raw as string } : body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      return { status: response.status, headers: response.headers, text, body: response.headers.get('content-type')?.includes('json') === true && !response.headers.get('content-type')!.includes('ndjson') ? JSON.parse(text) : undefined }
    },
    restartApi: async () => {
      await running.get('api')!.stop()
      running.set('api', await startService(api, apiEnv))
    },
    service: (name) => running.get(name)!,
    stop: async () => {
      await bus.close()
      for (const each of [...running.values()].reverse()) await each.stop()
      await idp.stop()
      await nats.stop()
    },
  }
}
