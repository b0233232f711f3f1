import { randomFillSync } from 'node:crypto'

/** Prefixes of the platform's TypeIDs: `<prefix>_<26 characters of Crockford base 32>` over a UUIDv7. */
export type IdPrefix = 'ses' | 'cmd' | 'ap' | 'gr' | 'evt' | 'cred' | 'chg' | 'px'

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz'
const POOL_BYTES = 4096
const pool = Buffer.alloc(POOL_BYTES)
let used = POOL_BYTES

/** 16 bytes of a UUIDv7 (RFC 9562 section 5.7): 48 bits of Unix milliseconds, then random bits. */
const uuidBytes = (): Uint8Array => {
  if (used + 10 > POOL_BYTES) {
    randomFillSync(pool)
    used = 0
  }
  const bytes = new Uint8Array(16)
  const now = Date.now()
  bytes[0] = now / 2 ** 40
  bytes[1] = now / 2 ** 32
  bytes[2] = now / 2 ** 24
  bytes[3] = now / 2 ** 16
  bytes[4] = now / 2 ** 8
  bytes[5] = now
  bytes.set(pool.subarray(used, used + 10), 6)
  used += 10
  bytes[6] = 0x70 | (bytes[6]! & 0x0f)
  bytes[8] = 0x80 | (bytes[8]! & 0x3f)
  return bytes
}

/** A new TypeID (typeid.dev, version 0.3): sorts by the time it was made. */
export const newId = <P extends IdPrefix>(prefix: P): `${P}_${string}` => {
  const bytes = uuidBytes()
  let text = ALPHABET[bytes[0]! >> 5]! + ALPHABET[bytes[0]! & 31]!
  let bits = 0
  let value = 0
  for (let index = 1; index < 16; index += 1) {
    value = ((value << 8) | bytes[index]!) & 0xffff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += ALPHABET[(value >> bits) & 31]!
    }
  }
  return `${prefix}_${text}`
}

/** A new UUIDv7 in its usual text form, for event ids. */
export const newUuid = (): string => {
  const hex = Buffer.from(uuidBytes()).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** Whether `text` has the form of a TypeID of that prefix. */
export const isId = (prefix: IdPrefix, text: string): boolean =>
  text.length === prefix.length + 27 && text.startsWith(`${prefix}_`) && /^[0-7][0-9a-hjkmnp-tv-z]{25}$/.test(text.slice(prefix.length + 1))
