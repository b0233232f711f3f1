import type { Issuer, Party, Principal } from '@sallyport/contracts/identity'
import { createRemoteJWKSet, decodeJwt, errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import { IdentityError } from './identity-error.js'

/** Asymmetric signatures only: a shared secret would let every verifier make tokens. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']
const CLOCK_TOLERANCE_S = 5
const FETCH_TIMEOUT_MS = 5_000
const TOKEN_CHARS_MAX = 16 * 1024
const GROUPS_MAX = 500
const NAME_CHARS_MAX = 255
const CHAIN_MAX = 4
/** RFC 9068 section 2.1, and what issuers write that don't follow it. ID tokens carry no `typ` of their own: their audience is another. */
const TYPES = new Set([undefined, 'jwt', 'at+jwt', 'application/at+jwt'])
/** After the keys could not be fetched, how long nobody tries again, in milliseconds. */
const DISCOVERY_COOLDOWN_MS = 1_000

export interface VerifierOptions {
  /** The trusted issuers; asked for each verification, so keep it cached. */
  readonly issuers: () => readonly Issuer[] | Promise<readonly Issuer[]>
  readonly now?: () => Date
}

export interface Verified {
  /** Everybody is a `user` until the directory says who is an agent. */
  readonly party: Principal
  readonly expiresAt: Date
}

export interface Verifier {
  /** Verifies an access token (RFC 9068, or any JWT of a trusted issuer for its audience). Throws IdentityError. */
  verify(token: string): Promise<Verified>
}

export const createVerifier = (options: VerifierOptions): Verifier => {
  const keys = new Map<string, KnownKeys>()
  return {
    verify: async (token) => {
      const issuers = await issuersOf(options)
      const issuer = issuerOf(token, issuers)
      const payload = await verifySignature(token, issuer, await keysOf(issuer, keys), options.now)
      const foreign = issuers.filter((each) => each.name !== issuer.name).map((each) => `${each.name}/`)
      return { party: principalOf(payload, issuer, foreign), expiresAt: new Date(payload.exp! * 1000) }
    },
  }
}

/** Keys of one issuer, or the attempt to get them; a failed attempt is forgotten after the cooldown. */
interface KnownKeys {
  readonly keys: Promise<JWTVerifyGetKey>
  failedAt?: number
}

const issuersOf = async (options: VerifierOptions): Promise<readonly Issuer[]> => {
  try {
    return await options.issuers()
  } catch (cause) {
    throw new IdentityError('unavailable', 'the trusted issuers could not be looked up', { cause })
  }
}

/** The unverified `iss` only chooses whose keys and audience are tried; what is believed is verified after. */
const issuerOf = (token: string, issuers: readonly Issuer[]): Issuer => {
  if (token.length > TOKEN_CHARS_MAX) throw new IdentityError('malformed', 'the token is too long')
  let claimed: string | undefined
  try {
    claimed = decodeJwt(token).iss
  } catch (cause) {
    throw new IdentityError('malformed', 'this is not an access token', { cause })
  }
  const issuer = issuers.find((each) => each.url === claimed)
  if (issuer === undefined) throw new IdentityError('unknown-issuer', 'the token\'s issuer is not trusted here')
  return issuer
}

/** One attempt for all who wait; the keys themselves are cached and renewed by jose. */
const keysOf = async (issuer: Issuer, known: Map<string, KnownKeys>): Promise<JWTVerifyGetKey> => {
  const id = issuer.keysUrl ?? issuer.url
  let entry = known.get(id)
  if (entry === undefined || (entry.failedAt !== undefined && performance.now() - entry.failedAt > DISCOVERY_COOLDOWN_MS)) {
    const attempt: KnownKeys = { keys: issuer.keysUrl === undefined ? discover(issuer) : Promise.resolve(keysAt(new URL(issuer.keysUrl))) }
    attempt.keys.catch(() => { attempt.failedAt = performance.now() })
    known.set(id, attempt)
    entry = attempt
  }
  try {
    return await entry.keys
  } catch (cause) {
    throw new IdentityError('unavailable', `the keys of issuer ${issuer.name} could not be fetched`, { cause })
  }
}

/** OpenID Connect Discovery 1.0 section 4: the document must name the issuer it was fetched for, and keys come no less safely than it did. */
const discover = async (issuer: Issuer): Promise<JWTVerifyGetKey> => {
  const response = await fetch(`${issuer.url.replace(/\/$/, '')}/.well-known/openid-configuration`, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS), redirect: 'error' })
  if (!response.ok) throw new Error(`status ${response.status}`)
  const { issuer: named, jwks_uri: uri } = (await response.json()) as { issuer?: string; jwks_uri?: string }
  if (named !== issuer.url || typeof uri !== 'string') throw new Error('the discovery document is another issuer\'s')
  const url = new URL(uri)
  if (url.protocol !== 'https:' && url.protocol !== new URL(issuer.url).protocol) throw new Error('the keys\' address is not https')
  return keysAt(url)
}

const keysAt = (url: URL): JWTVerifyGetKey => createRemoteJWKSet(url, { timeoutDuration: FETCH_TIMEOUT_MS, cooldownDuration: 1_000 })

const verifySignature = async (token: string, issuer: Issuer, keys: JWTVerifyGetKey, now: (() => Date) | undefined): Promise<JWTPayload> => {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      issuer: issuer.url, audience: issuer.audience, algorithms: ALGORITHMS, clockTolerance: CLOCK_TOLERANCE_S, requiredClaims: ['sub', 'exp'],
      ...(now === undefined ? {} : { currentDate: now() }),
    })
    if (!TYPES.has(protectedHeader.typ?.toLowerCase())) throw new IdentityError('malformed', 'this is a token of another type than an access token')
    return payload
  } catch (cause) {
    throw cause instanceof IdentityError ? cause : refusalOf(cause)
  }
}

const refusalOf = (cause: unknown): IdentityError => {
  if (cause instanceof errors.JWTExpired) return new IdentityError('expired', 'the token has expired', { cause })
  if (cause instanceof errors.JWTClaimValidationFailed) {
    return cause.claim === 'aud' ? new IdentityError('wrong-audience', 'the token is for another audience', { cause }) : new IdentityError('malformed', `the token's claim ${cause.claim} is not acceptable`, { cause })
  }
  if (cause instanceof errors.JWSSignatureVerificationFailed || cause instanceof errors.JWKSNoMatchingKey || cause instanceof errors.JOSEAlgNotAllowed) return new IdentityError('bad-signature', 'the token\'s signature is not valid', { cause })
  if (cause instanceof errors.JWKSTimeout || !(cause instanceof errors.JOSEError)) return new IdentityError('unavailable', 'the issuer\'s keys could not be fetched', { cause })
  return new IdentityError('malformed', 'this is not an acceptable access token', { cause })
}

const nameIn = (value: unknown, what: string): string => {
  if (typeof value !== 'string' || value === '' || value.length > NAME_CHARS_MAX) throw new IdentityError('malformed', `the token's ${what} is not a name`)
  return value
}

/**
 * RFC 8693 section 4.1: `sub` is whom it is about, `act` who acts for him, nested ones acted before. Who acts now is the principal.
 * `foreign`: prefixes that stand for other issuers.
 */
const principalOf = (payload: JWTPayload, issuer: Issuer, foreign: readonly string[]): Principal => {
  const subject = partyOf(nameIn(payload.sub, 'subject'), groupsOf(payload[issuer.groupsClaim]), issuer, foreign)
  if (payload['act'] === undefined && showsPerson(payload, issuer)) return { ...subject, person: true, chain: [] }
  const actors: Party[] = []
  let act = payload['act']
  while (act !== undefined) {
    if (typeof act !== 'object' || act === null || actors.length >= CHAIN_MAX) throw new IdentityError('malformed', 'the token\'s actors are not acceptable')
    const claims = act as Record<string, unknown>
    if (claims['iss'] !== undefined && claims['iss'] !== issuer.url) throw new IdentityError('malformed', 'the token\'s actor is another issuer\'s')
    actors.push(partyOf(nameIn(claims['sub'], 'actor'), groupsOf(claims[issuer.groupsClaim]), issuer, foreign))
    act = claims['act']
  }
  const [first = subject, ...chain] = [...actors, subject]
  return { ...first, chain }
}

/** What a token says of itself where its issuer has no setting of its own. */
const KIND_CLAIM = 'principal_kind'

/**
 * By the issuer's setting. Without one: by the claim `principal_kind` where the token has it; else everybody is a person but a client that
 * got the token for itself, whose subject is then the client (RFC 9068 section 2.2).
 */
const showsPerson = (payload: JWTPayload, { people }: Issuer): boolean => {
  if (people === undefined) return payload[KIND_CLAIM] === undefined ? !isClientsOwn(payload) : payload[KIND_CLAIM] === 'person'
  const claim = payload[people.claim]
  return (Array.isArray(claim) ? claim : [claim]).some((value) => typeof value === 'string' && people.values.includes(value))
}

const isClientsOwn = (payload: JWTPayload): boolean => {
  const { sub, gty, idtyp, preferred_username: username } = payload
  if (gty === 'client-credentials' || idtyp === 'app') return true
  // Issuers name the client in different claims, and some give it an account of its own under another subject.
  const clients = ['client_id', 'azp', 'cid', 'appid'].map((claim) => payload[claim]).filter((id) => typeof id === 'string')
  return clients.some((id) => sub === id || sub === `${id}@clients` || username === `service-account-${id.toLowerCase()}`)
}

const groupsOf = (value: unknown): string[] => {
  if (value === undefined) return []
  if (!Array.isArray(value) || value.length > GROUPS_MAX) throw new IdentityError('malformed', 'the token\'s groups are not a list, or too many')
  return [...new Set(value.map((group) => nameIn(group, 'group')))]
}

/**
 * A primary issuer's names are as they are, and may not look like another's; another's carry its name. So no two issuers' subjects
 * or groups ever merge.
 */
const partyOf = (subject: string, groups: readonly string[], issuer: Issuer, foreign: readonly string[]): Party => {
  const scoped = (name: string): string => {
    if (!issuer.primary) return `${issuer.name}/${name}`
    if (foreign.some((prefix) => name.startsWith(prefix))) throw new IdentityError('malformed', 'the token holds a name that stands for another issuer\'s')
    return name
  }
  return { kind: 'user', issuer: issuer.name, subject, uid: scoped(subject), groups: groups.map(scoped) }
}
