import { randomBytes } from 'node:crypto'
import type { JWK } from 'jose'
import Provider, { interactionPolicy, type Account, type ClientMetadata, type Configuration } from 'oidc-provider'
import { memoryAdapter } from './memory-adapter.js'
import { donePage, faultPage, userCodeConfirmPage, userCodePage } from './pages.js'
import { principalNamed, principals, secretOf, type DevPrincipal } from './principals.js'
import { SIGNING_ALGORITHM } from './signing-key.js'
import { exchangeParameters, TOKEN_EXCHANGE, tokenExchange } from './token-exchange.js'

export const AUDIENCE = 'sallyport'
const RESOURCE = 'urn:sallyport'
const TOKEN_LIFETIME_S = 3600
const DEVICE_CODE = 'urn:ietf:params:oauth:grant-type:device_code'

/** Loopback redirects of native clients match on any port (RFC 8252, section 7.3). */
const redirects = ['http://127.0.0.1/callback', 'http://127.0.0.1/v1/login/callback', 'http://localhost/callback', 'http://localhost/v1/login/callback']

const clientOf = (principal: DevPrincipal): ClientMetadata => ({
  client_id: principal.name,
  client_secret: secretOf(principal),
  application_type: 'native',
  grant_types: ['client_credentials', 'authorization_code', DEVICE_CODE, TOKEN_EXCHANGE],
  redirect_uris: redirects,
  response_types: ['code'],
  token_endpoint_auth_method: 'client_secret_post',
})

/** The command-line client and the console have no secret: PKCE and the device flow. */
const publicClient = (name: string): ClientMetadata => ({
  client_id: name,
  application_type: 'native',
  grant_types: ['authorization_code', DEVICE_CODE],
  redirect_uris: redirects,
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
})

const accountOf = (name: string): Account | undefined => {
  const principal = principalNamed(name)
  return principal === undefined ? undefined : { accountId: name, claims: async () => ({ sub: name, name, groups: [...principal.groups] }) }
}

const policyWithoutConsent = (): interactionPolicy.DefaultPolicy => {
  const policy = interactionPolicy.base()
  policy.remove('consent')
  return policy
}

const grantEverything: Configuration['loadExistingGrant'] = async (ctx) => {
  const { client, session, provider } = ctx.oidc
  const grant = new provider.Grant({ clientId: client!.clientId, accountId: session!.accountId! })
  grant.addOIDCScope('openid profile')
  await grant.save()
  return grant
}

const features: Configuration['features'] = {
  devInteractions: { enabled: false },
  clientCredentials: { enabled: true },
  rpInitiatedLogout: { enabled: false },
  dPoP: { enabled: false },
  pushedAuthorizationRequests: { enabled: false },
  deviceFlow: {
    enabled: true,
    userCodeInputSource: async (ctx, form, _out, error) => { ctx.body = userCodePage(form, error === undefined ? undefined : 'That code is not known or no longer valid.') },
    userCodeConfirmSource: async (ctx, form, client, _info, userCode) => { ctx.body = userCodeConfirmPage(form, client.clientId, userCode) },
    successSource: async (ctx) => { ctx.body = donePage() },
  },
  resourceIndicators: {
    enabled: true,
    defaultResource: async () => RESOURCE,
    useGrantedResource: async () => true,
    getResourceServerInfo: async () => ({ scope: '', audience: AUDIENCE, accessTokenTTL: TOKEN_LIFETIME_S, accessTokenFormat: 'jwt', jwt: { sign: { alg: SIGNING_ALGORITHM } } }),
  },
}

const configuration = (key: JWK): Configuration => ({
  adapter: memoryAdapter() as never,
  clients: [...principals.map(clientOf), publicClient('sallyport-cli'), publicClient('sallyport-console')],
  clientDefaults: { id_token_signed_response_alg: SIGNING_ALGORITHM },
  clientAuthMethods: ['client_secret_post', 'client_secret_basic', 'none'],
  jwks: { keys: [key] } as never,
  cookies: { keys: [randomBytes(32).toString('hex')] },
  claims: { openid: ['sub'], profile: ['name', 'groups'] },
  scopes: ['openid', 'profile'],
  features,
  pkce: { required: () => true },
  findAccount: async (_ctx, id) => accountOf(id),
  extraTokenClaims: async (_ctx, token) => {
    const name = 'accountId' in token ? token.accountId : token.clientId
    const principal = principalNamed(name ?? '')
    // People use client credentials here too, so the grant doesn't tell them from programs.
    return { groups: [...(principal?.groups ?? [])], ...(principal === undefined ? {} : { principal_kind: principal.kind }) }
  },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}`, policy: policyWithoutConsent() },
  loadExistingGrant: grantEverything,
  renderError: async (ctx, out) => {
    ctx.type = 'html'
    ctx.body = faultPage(out.error_description ?? out.error)
  },
  ttl: { AccessToken: TOKEN_LIFETIME_S, ClientCredentials: TOKEN_LIFETIME_S, IdToken: TOKEN_LIFETIME_S, AuthorizationCode: 60, DeviceCode: 600, Grant: 3600, Interaction: 600, Session: 3600 },
})

/** The provider: JWT access tokens (RFC 9068) for one audience, signed with an asymmetric key. */
export const makeProvider = (issuer: string, key: JWK): Provider => {
  const provider = new Provider(issuer, configuration(key))
  provider.registerGrantType(TOKEN_EXCHANGE, tokenExchange({ issuer, audience: AUDIENCE, key }), exchangeParameters)
  return provider
}
