import { createHash, createHmac, pbkdf2, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { Refusal } from '@sallyport/protocol-kit'
import { limits } from '../limits.js'

const derive = promisify(pbkdf2)
const hmac = (key: Uint8Array, data: string | Uint8Array): Buffer => createHmac('sha256', key).update(data).digest()
const sha256 = (data: Uint8Array): Buffer => createHash('sha256').update(data).digest()

const failed = (why: string): Refusal => new Refusal('target-failed', `log-in at the target failed: ${why}`)

/** The part of SASLprep (RFC 4013) that PostgreSQL's own clients rely on: odd spaces become spaces, invisible characters go, NFKC; a password that it forbids is used as it is. */
export const saslPrep = (password: string): string => {
  const mapped = password
    .replace(/[\u00A0\u1680\u2000-\u200B\u202F\u205F\u3000]/gu, ' ')
    .replace(/[\u00AD\u034F\u1806\u180B-\u180D\u200C\u200D\u2060\uFE00-\uFE0F\uFEFF]/gu, '')
    .normalize('NFKC')
  return /[\p{Cc}\p{Co}\p{Cs}\p{Cn}]/u.test(mapped) || mapped === '' ? password : mapped
}

export interface ScramBinding {
  /** `n` none, `y` we could but the server can't, `p` bound to the server's certificate (RFC 5929 tls-server-end-point). */
  readonly flag: 'n' | 'y' | 'p'
  readonly data: Uint8Array
}

export interface ScramClient {
  readonly first: Buffer
  /** Answers the server's first message. @throws Refusal */
  final(serverFirst: Buffer): Promise<Buffer>
  /** Checks the server's signature. @throws Refusal: the server doesn't know the password. */
  verify(serverFinal: Buffer): void
}

/** SCRAM-SHA-256 and -PLUS (RFC 5802, RFC 7677), client side. PostgreSQL ignores the user name in it. `nonce`: at least 18 random bytes. */
export const scramClient = (password: string, binding: ScramBinding, nonce: Uint8Array): ScramClient => {
  const header = binding.flag === 'p' ? 'p=tls-server-end-point,,' : `${binding.flag},,`
  const clientNonce = Buffer.from(nonce).toString('base64')
  const bare = `n=*,r=${clientNonce}`
  let signature: Buffer | undefined
  return {
    first: Buffer.from(header + bare),
    final: async (serverFirst) => {
      const text = serverFirst.toString('utf8')
      const match = /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/=]+),i=([1-9][0-9]{0,9})(?:,|$)/.exec(text)
      if (match === null) throw failed('malformed SCRAM challenge')
      const [, combined = '', salt = '', rounds = ''] = match
      const iterations = Number(rounds)
      if (!combined.startsWith(clientNonce) || combined.length === clientNonce.length) throw failed('SCRAM nonce is not ours')
      if (iterations > limits.scramIterationsMax) throw failed('it asks for too many SCRAM iterations')
      const salted = await derive(saslPrep(password), Buffer.from(salt, 'base64'), iterations, 32, 'sha256')
      const clientKey = hmac(salted, 'Client Key')
      const withoutProof = `c=${Buffer.concat([Buffer.from(header), binding.data]).toString('base64')},r=${combined}`
      const transcript = `${bare},${text},${withoutProof}`
      const clientSignature = hmac(sha256(clientKey), transcript)
      signature = hmac(hmac(salted, 'Server Key'), transcript)
      const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (clientSignature[index] as number)))
      return Buffer.from(`${withoutProof},p=${proof.toString('base64')}`)
    },
    verify: (serverFinal) => {
      const match = /^v=([A-Za-z0-9+/=]+)(?:,|$)/.exec(serverFinal.toString('utf8'))
      const given = Buffer.from(match?.[1] ?? '', 'base64')
      if (signature === undefined || given.length !== signature.length || !timingSafeEqual(given, signature)) throw failed('its SCRAM signature is wrong')
    },
  }
}

/** MD5 password response: `md5` and md5(md5(password, user), salt) in hex (PostgreSQL documentation, 54.2.1). */
export const md5Response = (username: string, password: string, salt: Uint8Array): string => {
  const inner = createHash('md5').update(password + username).digest('hex')
  return `md5${createHash('md5').update(inner).update(salt).digest('hex')}`
}
