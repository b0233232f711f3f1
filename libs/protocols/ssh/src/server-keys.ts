import ssh2 from 'ssh2'

const RSA_BITS = 3072

/** The gateway's own host keys in OpenSSH's form, one of each kind that clients know. */
export const createServerKeys = (): Readonly<Record<string, string>> => ({
  ed25519: ssh2.utils.generateKeyPairSync('ed25519').private,
  ecdsa: ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 }).private,
  rsa: ssh2.utils.generateKeyPairSync('rsa', { bits: RSA_BITS }).private,
})
