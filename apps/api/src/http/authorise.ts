import { IdentityError, rolesOf, type Verifier } from '@sallyport/identity'
import type { DirectoryView } from '../directory/view.js'
import { Problem } from './problem.js'
import type { Access, Caller } from './route.js'

const SCHEME = /^bearer +([A-Za-z0-9._~+/-]+=*)$/i

/** The caller of a request, from `Authorization: Bearer` (RFC 6750). Throws Problem `unauthenticated` or `unavailable`. */
export const callerOf = async (authorization: string | undefined, verifier: Verifier, view: () => DirectoryView): Promise<Caller> => {
  const token = SCHEME.exec(authorization ?? '')?.[1]
  if (token === undefined) throw new Problem('unauthenticated', 'Send an access token of a trusted issuer: Authorization: Bearer …', undefined, { 'www-authenticate': 'Bearer realm="sallyport"' })
  try {
    const { party, expiresAt } = await verifier.verify(token)
    const directory = view()
    const principal = directory.principal(party)
    return { principal, roles: rolesOf(principal, directory.roleBindings), expiresAt }
  } catch (cause) {
    if (!(cause instanceof IdentityError)) throw cause
    if (cause.code === 'unavailable') throw new Problem('unavailable', 'The token can\'t be verified now. Try again in a moment.', undefined, { 'retry-after': '2' })
    throw new Problem('unauthenticated', `The access token was not accepted: ${cause.message}.`, undefined, { 'www-authenticate': `Bearer realm="sallyport", error="invalid_token", error_description="${cause.code}"` })
  }
}

/** Whether a caller may use a route at all. */
export const mayCall = (access: Access, caller: Caller): boolean => {
  if (access === 'public' || access === 'anyone') return true
  if (access === 'person') return isPerson(caller)
  return access.some((role) => caller.roles.has(role))
}

export const isPerson = ({ principal }: Caller): boolean => principal.kind === 'user' && principal.chain.length === 0

export const refuseUnless = (access: Access, caller: Caller): void => {
  if (mayCall(access, caller)) return
  throw new Problem('forbidden', access === 'person' ? 'This is for people who act for themselves.' : `This needs the role ${(access as readonly string[]).join(' or ')}.`)
}
