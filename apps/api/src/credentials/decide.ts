import { credentialEventTypes, type credentialEventSchemas } from '@sallyport/contracts/directory'
import type { Issuer, Principal } from '@sallyport/contracts/identity'
import { RpcError } from '@sallyport/contracts/rpc'
import type { z } from 'zod'

/** Twelve hours: no session lives longer. */
export const TTL_MAX_S = 12 * 60 * 60
/** What is asked for when nothing is said. */
const TTL_DEFAULT_S = 60 * 60

export interface CredentialIssued { readonly type: typeof credentialEventTypes.issued; readonly data: Readonly<z.infer<(typeof credentialEventSchemas)[typeof credentialEventTypes.issued]>> }
export interface CredentialRevoked { readonly type: typeof credentialEventTypes.revoked; readonly data: Readonly<z.infer<(typeof credentialEventSchemas)[typeof credentialEventTypes.revoked]>> }
export type CredentialEvent = CredentialIssued | CredentialRevoked

export interface CredentialState { readonly expiresAt: string; readonly revoked: boolean }

export const evolve = (state: CredentialState | undefined, event: CredentialEvent): CredentialState | undefined => {
  switch (event.type) {
    case credentialEventTypes.issued: return { expiresAt: event.data.expiresAt, revoked: false }
    case credentialEventTypes.revoked: return state && { ...state, revoked: true }
    default: return event satisfies never
  }
}

export interface Issue {
  readonly id: string
  readonly principal: Principal
  readonly connection: string
  readonly ttlSeconds: number | undefined
  readonly tokenExpiresAt: Date
  readonly now: Date
}

/**
 * Whether everybody whom a credential stands for is still called as when it was made: his issuer is trusted, and gives the same uid.
 * With another primary issuer the same name means somebody else.
 */
export const stillNamed = (principal: Principal, issuers: readonly Issuer[]): boolean =>
  [principal, ...principal.chain].every((party) => {
    const issuer = issuers.find(({ name }) => name === party.issuer)
    return issuer !== undefined && party.uid === (issuer.primary ? party.subject : `${issuer.name}/${party.subject}`)
  })

/** Never outlives the token it is made from, nor twelve hours. Throws RpcError `forbidden` when nothing is left of the token. */
export const decideIssue = ({ id, principal, connection, ttlSeconds, tokenExpiresAt, now }: Issue): CredentialIssued => {
  const ttlMs = Math.min(ttlSeconds ?? TTL_DEFAULT_S, TTL_MAX_S) * 1000
  const expiresAt = new Date(Math.min(now.getTime() + ttlMs, tokenExpiresAt.getTime()))
  if (expiresAt <= now) throw new RpcError('forbidden', 'the token has expired')
  return { type: credentialEventTypes.issued, data: { credential: id, uid: principal.uid, connection, expiresAt: expiresAt.toISOString() } }
}

/** Revoking twice, or what has expired, changes nothing. */
export const decideRevoke = (state: CredentialState | undefined, { id, now }: { readonly id: string; readonly now: Date }): CredentialRevoked[] => {
  if (state === undefined) throw new RpcError('not-found', 'there is no such credential')
  if (state.revoked || Date.parse(state.expiresAt) <= now.getTime()) return []
  return [{ type: credentialEventTypes.revoked, data: { credential: id } }]
}
