import { randomUUID } from 'node:crypto'
import { createLocalJWKSet, jwtVerify, importJWK, SignJWT, type JWK, type JWTPayload } from 'jose'
import { errors, type KoaContextWithOIDC } from 'oidc-provider'
import { principalNamed } from './principals.js'
import { SIGNING_ALGORITHM } from './signing-key.js'

/** OAuth 2.0 Token Exchange, RFC 8693. */
export const TOKEN_EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
export const exchangeParameters = ['subject_token', 'subject_token_type', 'actor_token', 'actor_token_type', 'requested_token_type', 'audience', 'resource', 'scope']

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
const TOKEN_TYPES = [ACCESS_TOKEN, 'urn:ietf:params:oauth:token-type:jwt']
const LIFETIME_S = 3600
const CHAIN_MAX = 4

export interface ExchangeOptions {
  readonly issuer: string
  readonly audience: string
  readonly key: JWK
}

interface Actor {
  readonly sub: string
  readonly groups: readonly string[]
  readonly act?: Actor
}

const chainLength = (first: Actor | undefined): number => {
  let length = 0
  for (let actor = first; actor !== undefined && length <= CHAIN_MAX; actor = actor.act) length += 1
  return length
}

/**
 * An agent that shows a person's token gets one for acting in that person's name: `sub` and `groups` are the person's, `act` names the
 * agent (and, further in, who acted before it). The actor is the client that authenticates; a person can't act for another.
 */
export const tokenExchange = ({ issuer, audience, key }: ExchangeOptions) => {
  const keys = createLocalJWKSet({ keys: [publicPart(key)] })

  const verified = async (token: unknown, type: unknown, name: string): Promise<JWTPayload> => {
    if (typeof token !== 'string' || token === '') throw new errors.InvalidRequest(`missing required parameter '${name}'`)
    if (typeof type !== 'string' || !TOKEN_TYPES.includes(type)) throw new errors.InvalidRequest(`${name}_type must be one of ${TOKEN_TYPES.join(', ')}`)
    try {
      return (await jwtVerify(token, keys, { issuer, audience, typ: 'at+jwt', algorithms: [SIGNING_ALGORITHM] })).payload
    } catch {
      throw new errors.InvalidRequest(`${name} is not a valid, current access token of this issuer for ${audience}`)
    }
  }

  return async (ctx: KoaContextWithOIDC): Promise<void> => {
    const parameters = ctx.oidc.params ?? {}
    const agent = principalNamed(ctx.oidc.client?.clientId ?? '')
    if (agent?.kind !== 'agent') throw new errors.UnauthorizedClient('only an agent acts in the name of others')
    if (parameters['audience'] !== undefined && parameters['audience'] !== audience) throw new errors.InvalidTarget(`the only audience is ${audience}`)
    const subject = await verified(parameters['subject_token'], parameters['subject_token_type'], 'subject_token')
    if (parameters['actor_token'] !== undefined) {
      const actor = await verified(parameters['actor_token'], parameters['actor_token_type'], 'actor_token')
      if (actor.sub !== agent.name) throw new errors.InvalidRequest('the actor token is another\'s than the client\'s')
    }
    const before = subject['act'] as Actor | undefined
    if (chainLength(before) >= CHAIN_MAX) throw new errors.InvalidRequest(`at most ${CHAIN_MAX} act for one another`)
    const act: Actor = { sub: agent.name, groups: agent.groups, ...(before === undefined ? {} : { act: before }) }
    const now = Math.floor(Date.now() / 1000)
    const expiresAt = Math.min(now + LIFETIME_S, subject.exp ?? now)
    const token = await new SignJWT({ client_id: agent.name, groups: subject['groups'], act })
      .setProtectedHeader({ alg: SIGNING_ALGORITHM, typ: 'at+jwt', kid: key.kid! })
      .setIssuer(issuer)
      .setAudience(audience)
      .setSubject(subject.sub!)
      .setJti(randomUUID())
      .setIssuedAt(now)
      .setExpirationTime(expiresAt)
      .sign(await importJWK(key, SIGNING_ALGORITHM))
    ctx.body = { access_token: token, issued_token_type: ACCESS_TOKEN, token_type: 'Bearer', expires_in: expiresAt - now }
  }
}

const publicPart = ({ d: _, ...rest }: JWK): JWK => rest
