import { createHmac, type KeyObject } from 'node:crypto'

const lengthOf = (bytes: number): Buffer => {
  const length = Buffer.allocUnsafe(4)
  length.writeUInt32BE(bytes)
  return length
}

/**
 * Hex HMAC-SHA-256 over the parts, each with its length before it, so that no two lists of parts collide. Keyed: a plain hash of a
 * short secret could be guessed by whoever reads the log.
 */
export const keyedDigest = (key: KeyObject, parts: readonly (Uint8Array | string)[]): string => {
  const hmac = createHmac('sha256', key)
  for (const part of parts) {
    const bytes = typeof part === 'string' ? Buffer.from(part, 'utf8') : part
    hmac.update(lengthOf(bytes.length))
    hmac.update(bytes)
  }
  return hmac.digest('hex')
}
