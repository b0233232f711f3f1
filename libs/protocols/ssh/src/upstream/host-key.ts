import { createHash } from 'node:crypto'
import { Refusal, type SessionHost } from '@sallyport/protocol-kit'
import type { SshOptions } from '../options.js'

/** As `ssh-keygen -l` prints it. */
export const fingerprintOf = (blob: Buffer): string => `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`

const typeOf = (blob: Buffer): string => (blob.length < 4 ? '' : blob.toString('latin1', 4, 4 + Math.min(blob.readUInt32BE(0), 64)))

const matches = (pinned: string, blob: Buffer): boolean =>
  pinned.startsWith('SHA256:') ? pinned.replace(/=+$/, '') === fingerprintOf(blob) : pinned === `${typeOf(blob)} ${blob.toString('base64')}`

/**
 * Whether the key that a target shows is the one it must have. Rejects with a Refusal that shows what came: fingerprints are public, and whoever
 * configures the connection has to compare them with the target's own.
 */
export const checkHostKey = async (host: SessionHost, options: SshOptions, blob: Buffer): Promise<void> => {
  const shown = `${typeOf(blob)} ${fingerprintOf(blob)}`
  if (options.hostKeys.length > 0) {
    if (options.hostKeys.some((pinned) => matches(pinned, blob))) return
    throw new Refusal('target-failed', `the target showed a host key that is none of the connection's (${shown})`, { remedy: 'Compare it on the target itself (ssh-keygen -l); if it has a new key, change hostKeys in the connection\'s options. If not, somebody is in between.' })
  }
  if (!options.trustOnFirstUse) {
    throw new Refusal('target-failed', `the connection names no host key for its target, which showed ${shown}`, { remedy: 'Compare it on the target itself (ssh-keygen -l), then put it into hostKeys of the connection\'s options; or set trustOnFirstUse.' })
  }
  const known = await host.remember('host-key', `${typeOf(blob)} ${blob.toString('base64')}`)
  if (!matches(known, blob)) {
    throw new Refusal('target-failed', `the target showed another host key than the first time (${shown})`, { remedy: 'If it really has a new key, put it into hostKeys of the connection\'s options. If not, somebody is in between.' })
  }
}
