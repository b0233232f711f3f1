import ssh2 from 'ssh2'

const RSA_BITS = 3072
const ATTEMPTS_MAX = 100

/** The first of those made that the library can read itself: about one in two hundred of its Ed25519 keys it can't, and a host key is kept for good. Throws when it reads none. */
export const readable = (make: () => string): string => {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const key = make()
    if (!(ssh2.utils.parseKey(key) instanceof Error)) return key
  }
  throw new Error('no host key could be made that can be read')
}

/** Make the gateway's own host keys in OpenSSH's form, one of each kind that clients know. */
export const serverKeyMakers = {
  ed25519: () => readable(() => ssh2.utils.generateKeyPairSync('ed25519').private),
  ecdsa: () => readable(() => ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 }).private),
  rsa: () => readable(() => ssh2.utils.generateKeyPairSync('rsa', { bits: RSA_BITS }).private),
}
