import { createPrivateKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'
import ssh2 from 'ssh2'

export const CERTIFICATE_TYPE = 'ssh-ed25519-cert-v01@openssh.com'
const USER_CERTIFICATE = 1
/** Clocks differ: valid from a minute ago. It is shown within seconds. */
const BEFORE_S = 60
const AFTER_S = 5 * 60

export interface CertificateRequest {
  /** Private key of the authority (OpenSSH's form or PEM). */
  readonly authority: string
  /** The account that it opens. */
  readonly principal: string
  /** Shown in the target's log. */
  readonly keyId: string
  /** Whether ports and sockets may be forwarded with it. */
  readonly forwards: boolean
  readonly nowS: number
}

export interface Certificate {
  readonly blob: Buffer
  /** Signature of the certified key over data, as SSH's string has it. */
  readonly sign: (data: Buffer) => Buffer
}

const uint32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
const uint64 = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}
const string = (value: string | Buffer): Buffer => {
  const bytes = Buffer.from(value as string)
  return Buffer.concat([uint32(bytes.length), bytes])
}
/** RFC 4251, section 5: a positive integer has its sign bit clear and no leading zero. */
const mpint = (value: Buffer): Buffer => {
  let from = 0
  while (from < value.length - 1 && value[from] === 0) from += 1
  const body = value.subarray(from)
  return string(body[0]! >= 0x80 ? Buffer.concat([Buffer.from([0]), body]) : body)
}

/** Signs as the authority, in SSH's form of its kind of key (RFC 5656, 8332, 8709). Throws on a key that can't be used. */
const authoritySigner = (authority: string): { readonly publicKey: Buffer; readonly sign: (data: Buffer) => Buffer } => {
  const parsed = ssh2.utils.parseKey(authority)
  if (parsed instanceof Error || !parsed.isPrivateKey()) throw new TypeError('the authority is no private key')
  const key = createPrivateKey(parsed.getPrivatePEM())
  const publicKey = parsed.getPublicSSH()
  switch (parsed.type) {
    case 'ssh-ed25519':
      return { publicKey, sign: (data) => Buffer.concat([string('ssh-ed25519'), string(sign(null, data, key))]) }
    case 'ssh-rsa':
      return { publicKey, sign: (data) => Buffer.concat([string('rsa-sha2-512'), string(sign('sha512', data, key))]) }
    case 'ecdsa-sha2-nistp256':
    case 'ecdsa-sha2-nistp384':
    case 'ecdsa-sha2-nistp521':
      return { publicKey, sign: (data) => Buffer.concat([string(parsed.type), string(ecdsa(parsed.type, data, key))]) }
    default:
      throw new TypeError(`an authority can't have a key of type ${parsed.type}`)
  }
}

const CURVE_HASHES: Readonly<Record<string, string>> = { 'ecdsa-sha2-nistp256': 'sha256', 'ecdsa-sha2-nistp384': 'sha384', 'ecdsa-sha2-nistp521': 'sha512' }

const ecdsa = (type: string, data: Buffer, key: KeyObject): Buffer => {
  const both = sign(CURVE_HASHES[type], data, { key, dsaEncoding: 'ieee-p1363' })
  return Buffer.concat([mpint(both.subarray(0, both.length / 2)), mpint(both.subarray(both.length / 2))])
}

/** A fresh key and a certificate for it that is good for a few minutes (OpenSSH's PROTOCOL.certkeys). Throws on an authority that can't be used. */
export const issueCertificate = ({ authority, principal, keyId, forwards, nowS }: CertificateRequest): Certificate => {
  const signer = authoritySigner(authority)
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url')
  // By name, as the format asks for.
  const extensions = [...(forwards ? ['permit-port-forwarding'] : []), 'permit-pty']
  const body = Buffer.concat([
    string(CERTIFICATE_TYPE), string(randomBytes(32)), string(raw), uint64(randomBytes(8).readBigUInt64BE()), uint32(USER_CERTIFICATE), string(keyId), string(string(principal)),
    uint64(nowS - BEFORE_S), uint64(nowS + AFTER_S), string(''), string(Buffer.concat(extensions.flatMap((name) => [string(name), string('')]))), string(''), string(signer.publicKey),
  ])
  return {
    blob: Buffer.concat([body, string(signer.sign(body))]),
    sign: (data) => Buffer.concat([string('ssh-ed25519'), string(sign(null, data, privateKey))]),
  }
}
