import { hash, randomFillSync } from 'node:crypto'

export const SALT_BYTES = 16
const POOL_BYTES = SALT_BYTES * 4_096

let pool = Buffer.alloc(0)
let used = 0

/** Sixteen random bytes, from a pool: one call of the generator for many events. Pools are never written again. */
const newSalt = (): Buffer => {
  if (used + SALT_BYTES > pool.length) {
    pool = randomFillSync(Buffer.allocUnsafeSlow(POOL_BYTES))
    used = 0
  }
  used += SALT_BYTES
  return pool.subarray(used - SALT_BYTES, used)
}

/** SHA-256 of salt‖body. */
export const commit = (salt: Uint8Array, body: Uint8Array): Buffer => hash('sha256', Buffer.concat([salt, body]), 'buffer')

/**
 * The salted commitment that stays in the immutable row when the payload is erased: with the payload it proves the bytes, without
 * the salt it says nothing about them.
 */
export const newCommitment = (body: Uint8Array): { readonly salt: Buffer; readonly commitment: Buffer } => {
  const salt = newSalt()
  return { salt, commitment: commit(salt, body) }
}
