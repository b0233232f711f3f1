import { randomBytes } from 'node:crypto'
import { service as api } from '@sallyport/api'
import { service as approval } from '@sallyport/approval'
import { service as auditStore } from '@sallyport/audit-store'
import { service as connectionProxy } from '@sallyport/connection-proxy'
import { service as masking } from '@sallyport/masking'
import { service as policyDecision } from '@sallyport/policy-decision'
import { protocols } from '@sallyport/protocols'
import { startService, type RunningService } from '@sallyport/runtime'
import type { JWK } from 'jose'

export interface Backing {
  readonly natsUrl: string
  readonly databaseUrl: string
}

const definitions = { api, approval, masking, 'audit-store': auditStore, 'policy-decision': policyDecision } as const
export type ControlName = keyof typeof definitions

/** What every proxy of one platform shares. */
export interface ProxySecrets {
  readonly keys: readonly JWK[]
  readonly digestKey: string
}

export const newDigestKey = (): string => randomBytes(32).toString('base64')

const logLevel = (): string => process.env['SALLYPORT_TEST_LOG'] ?? 'silent'

export const startControl = (name: ControlName, backing: Backing, more: Readonly<Record<string, string>> = {}): Promise<RunningService> =>
  startService(definitions[name] as never, { SALLYPORT_NATS_URL: backing.natsUrl, SALLYPORT_DATABASE_URL: backing.databaseUrl, SALLYPORT_LOG_LEVEL: logLevel(), ...more })

/** Every protocol's listener on any free port. */
export const anyPorts = (): Record<string, string> => Object.fromEntries(protocols.map(({ name }) => [`SALLYPORT_${name.toUpperCase()}_PORT`, '0']))

export const startProxy = (backing: Backing, secrets: ProxySecrets, instance: string, port: number, more: Record<string, string> = {}): Promise<RunningService> =>
  startService(connectionProxy as never, {
    SALLYPORT_NATS_URL: backing.natsUrl,
    SALLYPORT_INSTANCE: instance,
    ...anyPorts(),
    SALLYPORT_POSTGRES_PORT: String(port),
    SALLYPORT_PROXY_KEYS: JSON.stringify({ keys: secrets.keys }),
    SALLYPORT_DIGEST_KEY: secrets.digestKey,
    SALLYPORT_STREAM_DURABILITY: 'unchecked',
    SALLYPORT_LOG_LEVEL: logLevel(),
    ...more,
  })
