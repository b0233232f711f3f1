import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { generateSealingKey } from '@sallyport/sealing'

/** What has to be the same again when the data is kept. */
export interface Secrets {
  readonly sealing: Awaited<ReturnType<typeof generateSealingKey>>
  /** Base64 of 32 bytes. */
  readonly digestKey: string
}

/** The keys kept in the data directory, or new ones. */
export const secretsOf = async (dataDir: string | undefined): Promise<Secrets> => {
  const file = dataDir === undefined ? undefined : path.join(dataDir, 'keys.json')
  if (file !== undefined && existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Secrets
  const secrets = { sealing: await generateSealingKey(), digestKey: randomBytes(32).toString('base64') }
  if (file !== undefined) writeFileSync(file, JSON.stringify(secrets), { mode: 0o600 })
  return secrets
}

/** A password that nats-server does not take for a number, and that needs no quoting anywhere. */
export const newPassword = (): string => `p${randomBytes(24).toString('hex')}`
